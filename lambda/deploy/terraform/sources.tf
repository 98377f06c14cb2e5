# What invokes the alias besides its address: a queue, a stream, new objects, a schedule. Each is there only when its variable is given.

resource "aws_lambda_event_source_mapping" "queue" {
  count                   = var.queue_arn == "" ? 0 : 1
  event_source_arn        = var.queue_arn
  function_name           = aws_lambda_alias.live.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]
  depends_on              = [aws_iam_role_policy.this]
}

resource "aws_lambda_event_source_mapping" "stream" {
  count                   = var.stream_arn == "" ? 0 : 1
  event_source_arn        = var.stream_arn
  function_name           = aws_lambda_alias.live.arn
  starting_position       = "LATEST"
  batch_size              = 100
  function_response_types = ["ReportBatchItemFailures"]
  depends_on              = [aws_iam_role_policy.this]
}

resource "aws_lambda_permission" "objects" {
  count          = var.input_bucket == "" ? 0 : 1
  statement_id   = "Objects"
  function_name  = aws_lambda_function.this.function_name
  qualifier      = aws_lambda_alias.live.name
  action         = "lambda:InvokeFunction"
  principal      = "s3.amazonaws.com"
  source_account = data.aws_caller_identity.current.account_id
  source_arn     = "${local.s3}${var.input_bucket}"
}

resource "aws_s3_bucket_notification" "objects" {
  count  = var.input_bucket == "" ? 0 : 1
  bucket = var.input_bucket

  lambda_function {
    lambda_function_arn = aws_lambda_alias.live.arn
    events              = ["s3:ObjectCreated:*"]
    filter_prefix       = var.input_prefix
  }

  depends_on = [aws_lambda_permission.objects]

  lifecycle {
    precondition {
      condition     = var.output != ""
      error_message = "An input bucket needs `output`, where the predictions go."
    }
  }
}

resource "aws_cloudwatch_event_rule" "check" {
  count               = var.schedule == "" ? 0 : 1
  name                = "${var.name}-check"
  description         = "Health and freshness of the bundle"
  schedule_expression = var.schedule
}

resource "aws_cloudwatch_event_target" "check" {
  count = var.schedule == "" ? 0 : 1
  rule  = aws_cloudwatch_event_rule.check[0].name
  arn   = aws_lambda_alias.live.arn
}

resource "aws_lambda_permission" "check" {
  count         = var.schedule == "" ? 0 : 1
  statement_id  = "Check"
  function_name = aws_lambda_function.this.function_name
  qualifier     = aws_lambda_alias.live.name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.check[0].arn
}
