# What a deployment may choose. Every setting of docs/configuration.md that has no variable here goes into `settings`.

variable "name" {
  description = "The function's name."
  type        = string
  default     = "flights"
}

variable "zip" {
  description = "What `cargo lambda build --output-format zip` writes."
  type        = string
  default     = "../../../target/lambda/bootstrap/bootstrap.zip"
}

variable "architecture" {
  description = "What the zip was built for."
  type        = string
  default     = "arm64"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "arm64 or x86_64."
  }
}

variable "memory" {
  description = "Megabytes; the processor's share grows with them."
  type        = number
  default     = 256
}

variable "timeout" {
  description = "Seconds an event may take."
  type        = number
  default     = 10
}

variable "model" {
  description = "The bundle's name, a dimension of its metrics."
  type        = string
  default     = "flights"
}

variable "model_version" {
  description = "The bundle's version, a dimension of its metrics."
  type        = string
  default     = "1.0.0"
}

variable "bundle" {
  description = "A path in the zip or in a layer, an address, or s3://BUCKET/KEY, which is then the only object that the role may read."
  type        = string
  default     = "models/flights/flights.skw"
}

variable "output" {
  description = "BUCKET/PREFIX for predictions of queues and objects; empty refuses S3 events."
  type        = string
  default     = ""
}

variable "feature_log" {
  description = "BUCKET/PREFIX for the log of sampled feature rows; empty is no log."
  type        = string
  default     = ""
}

variable "settings" {
  description = "Further settings by their key, such as { check_seconds = \"300\" }."
  type        = map(string)
  default     = {}
}

variable "layers" {
  description = "ARNs of layers, of which one may hold the bundle."
  type        = list(string)
  default     = []
}

variable "stable_version" {
  description = "The published version that keeps serving while a new one is tried; empty moves the alias at once."
  type        = string
  default     = ""
}

variable "canary_weight" {
  description = "With a stable version: the share of events that the newly published version gets."
  type        = number
  default     = 0.1
  validation {
    condition     = var.canary_weight > 0 && var.canary_weight < 1
    error_message = "Between 0 and 1."
  }
}

variable "url_auth" {
  description = "Who may call the Function URL: AWS_IAM, NONE (everybody), or OFF for no Function URL."
  type        = string
  default     = "AWS_IAM"
  validation {
    condition     = contains(["AWS_IAM", "NONE", "OFF"], var.url_auth)
    error_message = "AWS_IAM, NONE or OFF."
  }
}

variable "stream" {
  description = "Answer the Function URL as a response stream."
  type        = bool
  default     = false
}

variable "queue_arn" {
  description = "An SQS queue whose messages are scored; empty for none."
  type        = string
  default     = ""
}

variable "stream_arn" {
  description = "A Kinesis stream whose records are scored; empty for none."
  type        = string
  default     = ""
}

variable "shadow" {
  description = "s3://BUCKET/KEY of a second bundle that scores a share of the requests too; empty is none."
  type        = string
  default     = ""
  validation {
    condition     = var.shadow == "" || startswith(var.shadow, "s3://")
    error_message = "Begins with s3://."
  }
}

variable "input_bucket" {
  description = "A bucket whose new objects are scored; needs `output`. Its notifications are then this module's alone."
  type        = string
  default     = ""
}

variable "input_prefix" {
  description = "With an input bucket: the beginning of the keys that are scored."
  type        = string
  default     = ""
}

variable "schedule" {
  description = "How often health and freshness are looked at, also where nobody asks for anything; empty is never."
  type        = string
  default     = "rate(1 hour)"
}

variable "log_days" {
  description = "How long log lines are kept."
  type        = number
  default     = 30
}

variable "alarm_actions" {
  description = "ARNs that alarms are sent to, such as an SNS topic's."
  type        = list(string)
  default     = []
}

variable "max_latency" {
  description = "Milliseconds of the slowest hundredth of events, above which there is an alarm."
  type        = number
  default     = 250
}

variable "max_failure_share" {
  description = "Share of failed rows above which there is an alarm."
  type        = number
  default     = 0.05
}

variable "max_unseen_per_row" {
  description = "Values outside the vocabularies per row, above which there is an alarm."
  type        = number
  default     = 0.2
}

variable "max_bundle_age" {
  description = "Seconds since the bundle was made, above which there is an alarm."
  type        = number
  default     = 7776000
}
