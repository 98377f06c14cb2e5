# The function, its published version, the alias that callers use, and its address.

locals {
  namespace = lookup(var.settings, "metrics_namespace", "Skewless")
  # What has a variable of its own, then everything else by its key.
  settings = merge(
    {
      bundle = var.bundle
      stream = tostring(var.stream)
    },
    var.output == "" ? {} : { output = "s3://${var.output}" },
    var.feature_log == "" ? {} : { feature_log = "s3://${var.feature_log}" },
    var.shadow == "" ? {} : { shadow = var.shadow },
    var.settings,
  )
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = "A Skewless bundle"
  filename         = var.zip
  source_code_hash = filebase64sha256(var.zip)
  package_type     = "Zip"
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  memory_size      = var.memory
  timeout          = var.timeout
  layers           = var.layers
  role             = aws_iam_role.this.arn
  publish          = true

  environment {
    variables = { for key, value in local.settings : "SKEWLESS_${upper(key)}" => value }
  }

  logging_config {
    log_format = "Text"
    log_group  = aws_cloudwatch_log_group.this.name
  }

  depends_on = [aws_iam_role_policy.this]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What callers invoke"
  function_name    = aws_lambda_function.this.function_name
  function_version = var.stable_version == "" ? aws_lambda_function.this.version : var.stable_version

  dynamic "routing_config" {
    for_each = contains(["", aws_lambda_function.this.version], var.stable_version) ? [] : [var.canary_weight]
    content {
      additional_version_weights = { (aws_lambda_function.this.version) = routing_config.value }
    }
  }
}

resource "aws_lambda_function_url" "this" {
  count              = var.url_auth == "OFF" ? 0 : 1
  function_name      = aws_lambda_function.this.function_name
  qualifier          = aws_lambda_alias.live.name
  authorization_type = var.url_auth
  invoke_mode        = var.stream ? "RESPONSE_STREAM" : "BUFFERED"
}

resource "aws_lambda_permission" "url_for_everybody" {
  count                  = var.url_auth == "NONE" ? 1 : 0
  statement_id           = "UrlForEverybody"
  function_name          = aws_lambda_function.this.function_name
  qualifier              = aws_lambda_alias.live.name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = "*"
  function_url_auth_type = "NONE"
}

resource "aws_lambda_permission" "invoked_by_url_for_everybody" {
  count                    = var.url_auth == "NONE" ? 1 : 0
  statement_id             = "InvokedByUrlForEverybody"
  function_name            = aws_lambda_function.this.function_name
  qualifier                = aws_lambda_alias.live.name
  action                   = "lambda:InvokeFunction"
  principal                = "*"
  invoked_via_function_url = true
}

output "alias_arn" {
  description = "What callers invoke."
  value       = aws_lambda_alias.live.arn
}

output "version" {
  description = "The version that was published; the next deployment's `stable_version` once it has proved itself."
  value       = aws_lambda_function.this.version
}

output "address" {
  description = "The Function URL."
  value       = one(aws_lambda_function_url.this[*].function_url)
}
