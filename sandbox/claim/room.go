package claim

import "blockgate/internal/sha256d"

// Room is the memory that one [Checked] lives in, at most about 1.5 MB. The zero
// Room is ready. Another Check with the same room ends the life of the Checked
// before: to ask that one for a transaction then is a panic. So whoever has a slot
// for a body has a room for it, too, and gives up both together.
type Room struct {
	round    uint64
	messages []sha256d.Message    // where each transaction lies; while hashing, wtxids' behind
	ids      [][sha256d.Size]byte // the txids, then the wtxids
}

func (r *Room) txids() [][sha256d.Size]byte  { return r.ids[:len(r.messages)] }
func (r *Room) wtxids() [][sha256d.Size]byte { return r.ids[len(r.messages):] }
