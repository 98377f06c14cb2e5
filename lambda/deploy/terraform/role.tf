# The role: its own log group, and of S3 and SQS only what a variable names.

locals {
  logs = join(":", [
    "arn", data.aws_partition.current.partition, "logs", data.aws_region.current.region,
    data.aws_caller_identity.current.account_id, "log-group", "/aws/lambda/${var.name}", "*",
  ])
  s3 = "arn:${data.aws_partition.current.partition}:s3:::"
  statements = concat(
    [{ Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"], Resource = local.logs }],
    startswith(var.bundle, "s3://") ? [
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = "${local.s3}${trimprefix(var.bundle, "s3://")}" },
    ] : [],
    var.output == "" ? [] : [
      { Effect = "Allow", Action = ["s3:PutObject", "s3:AbortMultipartUpload"], Resource = "${local.s3}${var.output}/*" },
    ],
    var.output == "" || var.input_bucket == "" ? [] : [
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = "${local.s3}${var.input_bucket}/${var.input_prefix}*" },
    ],
    var.feature_log == "" ? [] : [
      { Effect = "Allow", Action = ["s3:PutObject"], Resource = "${local.s3}${var.feature_log}/*" },
    ],
    var.shadow == "" ? [] : [
      { Effect = "Allow", Action = ["s3:GetObject"], Resource = "${local.s3}${trimprefix(var.shadow, "s3://")}" },
    ],
    var.stream_arn == "" ? [] : [
      {
        Effect = "Allow"
        Action = [
          "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream", "kinesis:DescribeStreamSummary",
          "kinesis:ListShards",
        ]
        Resource = var.stream_arn
      },
    ],
    var.queue_arn == "" ? [] : [
      { Effect = "Allow", Action = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], Resource = var.queue_arn },
    ],
  )
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "this" {
  name = "${var.name}-lambda"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "what-the-function-touches"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = local.statements
  })
}
