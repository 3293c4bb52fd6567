package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"blockgate/internal/btc"
)

// headersResult is what `headers verify` prints.
type headersResult struct {
	Network     btc.Network    `json:"network"`
	Verdict     string         `json:"verdict"`      // valid, invalid
	Headers     int64          `json:"headers"`      // valid ones, genesis or anchor included
	FirstHeight btc.Height     `json:"first_height"` // 0 is genesis, else the anchor
	Tip         *headerTip     `json:"tip"`          // the last valid header, null if there is none
	Work        btc.Work       `json:"work"`         // expected hashes from the first header to the tip, hex
	Seconds     float64        `json:"seconds"`
	Rate        int64          `json:"headers_per_second"`
	Refused     *refusedHeader `json:"refused"` // null if the file is valid
}

// headerTip is the last valid header of a file.
type headerTip struct {
	Height btc.Height `json:"height"`
	Hash   btc.Hash   `json:"hash"`
}

// refusedHeader is the first header of a file that broke a rule.
type refusedHeader struct {
	Height btc.Height `json:"height"`
	Hash   *btc.Hash  `json:"hash"`   // null if there is no whole header
	Offset int64      `json:"offset"` // in the file, bytes
	Rule   string     `json:"rule"`
	Detail string     `json:"detail"`
}

// result says what came of the walk.
func (w *headerWalk) result() *headersResult {
	elapsed := w.now().Sub(w.started)
	r := &headersResult{
		Network: w.settings.network.Network, Verdict: "valid", Headers: w.count, FirstHeight: btc.Height(w.settings.anchor),
		Seconds: elapsed.Seconds(), Rate: headersPerSecond(w.count, elapsed), Refused: w.refused,
	}
	if w.refused != nil {
		r.Verdict = "invalid"
	}
	if w.chain != nil {
		best := w.chain.Best()
		r.Tip, r.Work = &headerTip{best.Height, best.Hash}, best.Work
	}
	return r
}

// print writes the result as text or as one JSON object.
func (r *headersResult) print(out io.Writer, asJSON bool) error {
	if asJSON {
		text, err := json.Marshal(r)
		if err != nil {
			return err
		}
		_, err = out.Write(append(text, '\n'))
		return err
	}
	_, err := out.Write(r.text())
	return err
}

func (r *headersResult) text() []byte {
	var b bytes.Buffer
	b.WriteString(map[bool]string{true: "VALID", false: "INVALID"}[r.Refused == nil])
	since := "genesis"
	if r.FirstHeight > 0 {
		since = fmt.Sprintf("the anchor at %d", r.FirstHeight)
	}
	fmt.Fprintf(&b, "\n  network  %s\n  headers  %d, from %s\n", r.Network, r.Headers, since)
	if r.Tip != nil {
		fmt.Fprintf(&b, "  tip      %d %s\n  work     %s, from %s\n", r.Tip.Height, r.Tip.Hash, r.Work, since)
	}
	fmt.Fprintf(&b, "  rate     %d headers/s\n", r.Rate)
	if bad := r.Refused; bad != nil {
		hash := "no whole header"
		if bad.Hash != nil {
			hash = bad.Hash.String()
		}
		fmt.Fprintf(&b, "  refused  %d %s, at byte %d\n  rule     %s\n  numbers  %s\n", bad.Height, hash, bad.Offset, bad.Rule, bad.Detail)
	}
	return b.Bytes()
}
