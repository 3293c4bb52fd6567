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
	Height btc.Height `json:"height"` // -1 if the parent is not known
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

// printResult writes a result as one JSON object or as text.
func printResult(out io.Writer, result any, asText func() []byte, asJSON bool) error {
	text := asText
	if asJSON {
		line, err := json.Marshal(result)
		if err != nil {
			return err
		}
		text = func() []byte { return append(line, '\n') }
	}
	_, err := out.Write(text())
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
	if r.Refused != nil {
		r.Refused.appendText(&b)
	}
	return b.Bytes()
}

// appendText adds the lines of a refused header.
func (bad *refusedHeader) appendText(b *bytes.Buffer) {
	hash := "no whole header"
	if bad.Hash != nil {
		hash = bad.Hash.String()
	}
	height := fmt.Sprint(bad.Height)
	if bad.Height < 0 {
		height = "at no known height:"
	}
	fmt.Fprintf(b, "  refused  %s %s, at byte %d\n  rule     %s\n  numbers  %s\n", height, hash, bad.Offset, bad.Rule, bad.Detail)
}

// place says which header it is.
func (bad *refusedHeader) place() string {
	if bad.Height < 0 {
		return fmt.Sprintf("at byte %d", bad.Offset)
	}
	return fmt.Sprintf("at height %d", bad.Height)
}
