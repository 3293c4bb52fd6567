package pool

import (
	"time"

	"blockgate/sandbox/frame"
)

// Deadline is how long a worker has for one block, from the job that is sent to
// the last byte of its answer. The slowest block that fits takes less than 50 ms.
const Deadline = 2 * time.Second

// maxPending is the most messages that a drain reads. The kernel charges each at
// least 512 bytes, and buffers 212,992 by default: no worker can leave more.
const maxPending = 4096

// readSize holds the longest message and one byte more, so that a longer one is
// seen.
const readSize = frame.MaxMessage + 1
