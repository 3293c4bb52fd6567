package main

import (
	"bytes"
	"fmt"

	"blockgate/adapter/node"
	"blockgate/internal/btc"
)

// importResult is what `headers import` prints.
type importResult struct {
	Network    btc.Network    `json:"network"`
	Verdict    string         `json:"verdict"`   // valid, invalid
	Headers    int64          `json:"headers"`   // valid ones of the file
	New        int64          `json:"new"`       // of them that the data directory did not have
	Known      int64          `json:"known"`     // and that it had
	Kept       int64          `json:"kept"`      // of the new ones: written to the disk
	HeldBack   int64          `json:"held_back"` // and not, since they are too far behind the tip
	Tip        headerTip      `json:"tip"`       // the best header of the data directory now
	Work       btc.Work       `json:"work"`      // expected hashes from genesis to the tip, hex
	EnoughWork bool           `json:"enough_work"`
	Seconds    float64        `json:"seconds"`
	Rate       int64          `json:"headers_per_second"`
	Refused    *refusedHeader `json:"refused"` // null if all are valid
}

// result says what came of the import.
func (i *headerImport) result() *importResult {
	elapsed, best := i.now().Sub(i.started), i.chain.Best()
	r := &importResult{
		Network: i.network.Network, Verdict: "valid", Headers: i.count, New: i.news, Known: i.count - i.news,
		Kept: i.kept, HeldBack: i.news - i.kept, Tip: headerTip{best.Height, best.Hash}, Work: best.Work,
		EnoughWork: best.Work.Cmp(i.network.Params().MinimumChainWork) >= 0,
		Seconds:    elapsed.Seconds(), Rate: headersPerSecond(i.count, elapsed), Refused: i.refused,
	}
	if i.refused != nil {
		r.Verdict = "invalid"
	}
	return r
}

// keptText says what stays of a file that is not valid.
func (r *importResult) keptText() string {
	return fmt.Sprintf("the %d valid headers before it are kept, %d of them new", r.Headers, r.New)
}

func (r *importResult) text() []byte {
	var b bytes.Buffer
	b.WriteString(map[bool]string{true: "IMPORTED", false: "INVALID"}[r.Refused == nil])
	fmt.Fprintf(&b, "\n  network  %s\n  headers  %d: %d new, %d known\n", r.Network, r.Headers, r.New, r.Known)
	if r.HeldBack > 0 {
		fmt.Fprintf(&b, "  left     %d, on branches more than %d blocks' work behind the tip: not on the disk\n", r.HeldBack, node.KeepBlocks)
	}
	fmt.Fprintf(&b, "  tip      %d %s\n  work     %s, from genesis\n", r.Tip.Height, r.Tip.Hash, r.Work)
	if !r.EnoughWork {
		fmt.Fprintf(&b, "  note     less work than the minimum of %s: not followed before it has that\n", r.Network)
	}
	fmt.Fprintf(&b, "  rate     %d headers/s\n", r.Rate)
	if r.Refused != nil {
		r.Refused.appendText(&b)
		fmt.Fprintf(&b, "  kept     %s\n", r.keptText())
	}
	return b.Bytes()
}
