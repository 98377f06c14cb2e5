"""DataFusion reads every column of a table, and nothing else: datafusion_scan.py TABLE prints rows and seconds as JSON."""

import json
import sys
import time

from datafusion import SessionConfig, SessionContext

began, processor = time.perf_counter(), time.process_time()
context = SessionContext(SessionConfig().with_target_partitions(1))
stream = context.read_parquet(sys.argv[1]).execute_stream()
rows = sum(batch.to_pyarrow().num_rows for batch in stream)
seconds, processor = time.perf_counter() - began, time.process_time() - processor
print(json.dumps({"rows": rows, "seconds": seconds, "processor_seconds": processor}))
