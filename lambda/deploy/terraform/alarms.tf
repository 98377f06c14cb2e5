# Alarms on errors, latency and freshness, and on the shares of failed rows and of unseen values.

locals {
  bundle = { Model = var.model, Version = var.model_version }
  shares = {
    failures = {
      metric      = "Failures"
      description = "Too many rows are answered with an error."
      threshold   = var.max_failure_share
      periods     = 1
    }
    unseen = {
      metric      = "Unseen"
      description = "Too many values are in no vocabulary; the world has moved away from the training data."
      threshold   = var.max_unseen_per_row
      periods     = 3
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "errors" {
  alarm_name          = "${var.name}-errors"
  alarm_description   = "The function failed, or could not start."
  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.this.function_name }
  statistic           = "Sum"
  period              = 60
  evaluation_periods  = 1
  threshold           = 0
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "latency" {
  alarm_name          = "${var.name}-latency"
  alarm_description   = "The slowest hundredth of events takes too long."
  namespace           = local.namespace
  metric_name         = "Latency"
  dimensions          = local.bundle
  extended_statistic  = "p99"
  unit                = "Milliseconds"
  period              = 60
  evaluation_periods  = 5
  datapoints_to_alarm = 3
  threshold           = var.max_latency
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "freshness" {
  alarm_name          = "${var.name}-freshness"
  alarm_description   = "The bundle is too old."
  namespace           = local.namespace
  metric_name         = "BundleAge"
  dimensions          = local.bundle
  statistic           = "Maximum"
  unit                = "Seconds"
  period              = 3600
  evaluation_periods  = 1
  threshold           = var.max_bundle_age
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions
}

resource "aws_cloudwatch_metric_alarm" "share" {
  for_each            = local.shares
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.description
  evaluation_periods  = each.value.periods
  threshold           = each.value.threshold
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_actions

  metric_query {
    id          = "share"
    label       = "${each.key} / rows"
    expression  = "IF(rows > 0, part / rows, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = { part = each.value.metric, rows = "Rows" }
    content {
      id = metric_query.key
      metric {
        namespace   = local.namespace
        metric_name = metric_query.value
        dimensions  = local.bundle
        period      = 300
        stat        = "Sum"
      }
    }
  }
}
