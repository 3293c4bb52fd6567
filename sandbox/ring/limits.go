package ring

import "blockgate/sandbox/frame"

// SlotSize is the length of a slot in bytes.
const SlotSize = frame.SlotSize

// MaxSlots is the most slots of a ring: 256 MiB of address space. 16 to 32 are
// enough to keep two parsers busy.
const MaxSlots = 64
