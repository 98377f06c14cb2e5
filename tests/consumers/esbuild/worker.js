// The worker is a script of its own, under the name that the package asks for.

import "skewless/worker";
