package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"blockgate/internal/btc"
	"blockgate/sandbox"
	"blockgate/sandbox/claim"
	"blockgate/sandbox/pool"
)

// doctorProbe is a question to a live cell, and whether the answer was as it has
// to be.
type doctorProbe struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
}

// probeTimeout is how long a probe may take. It takes milliseconds.
const probeTimeout = 10 * time.Second

// probe asks about the live cell, and the cell itself.
func (r *doctorReport) probe(ctx context.Context, cell *soloCell) {
	attested := doctorProbe{Name: "kernel_agrees", OK: true, Detail: "each thread has the filter, no_new_privs and the sets of capabilities that the parser says"}
	if err := sandbox.Attest(cell.PID(), cell.Report); err != nil {
		attested.OK, attested.Detail = false, err.Error()
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	answers := doctorProbe{Name: "answers", Detail: "it took zeros for a block"}
	begun := time.Now()
	_, _, err := cell.check(ctx, make([]byte, btc.HeaderSize+1), pool.Job{Context: claim.Context{Network: btc.Regtest, Height: 1}})
	switch {
	case errors.Is(err, pool.ErrMalformed):
		answers.OK, answers.Detail = true, fmt.Sprintf("it refused what is no block within %s", time.Since(begun).Round(time.Microsecond))
	case err != nil:
		answers.Detail = err.Error()
	}
	r.Probes = append(r.Probes, attested, answers)
}
