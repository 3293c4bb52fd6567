package main

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"

	"blockgate/adapter"
	"blockgate/adapter/node"
	"blockgate/internal/btc"
	"blockgate/ops"
)

// controlFolder is where the control socket is, in the adapter's own folder.
const controlFolder = "control"

// The verbs of the control socket.
const (
	verbHealth     = "health"
	verbInvalidate = "invalidate"
	verbReconsider = "reconsider"
	verbAccept     = "accept_reorg"
	verbPeers      = "peers"
	verbBan        = "ban"
	verbUnban      = "unban"
	verbConnect    = "connect"
	verbBook       = "addrbook"
	verbWhy        = "why"
	verbRecord     = "record"
)

// hashArgs name a block.
type hashArgs struct {
	Hash btc.Hash `json:"hash"`
}

// orderResult is where things stand once an order was obeyed.
type orderResult struct {
	JournalHeight btc.Height `json:"journal_height"`
	JournalTip    btc.Hash   `json:"journal_tip"`
	BestHeight    btc.Height `json:"best_height"`
	Parked        string     `json:"parked"`
	Held          string     `json:"held"`
}

// desk is where the adapter takes the orders of commands on this machine.
type desk struct {
	control  *ops.Control
	requests chan adapter.Request
	ended    chan struct{} // closed when nobody answers any more
	log      *slog.Logger
}

// openDesk listens at the control socket, before the process is confined. port is the
// network's.
func openDesk(ctx context.Context, folder string, port uint16, shown *status, log *slog.Logger) (*desk, error) {
	control, err := ops.ListenControl(ctx, filepath.Join(folder, controlFolder))
	if err != nil {
		return nil, &exitError{exitData, err}
	}
	d := &desk{control: control, requests: make(chan adapter.Request), ended: make(chan struct{}), log: log}
	control.Handle(verbHealth, func(context.Context, []byte) (any, error) { return shown.health(), nil })
	d.handleHash(verbInvalidate, func(request uint64, hash btc.Hash) node.Event {
		return node.OperatorInvalidate{Request: request, Hash: hash}
	})
	d.handleHash(verbReconsider, func(request uint64, hash btc.Hash) node.Event {
		return node.OperatorReconsider{Request: request, Hash: hash}
	})
	d.handleHash(verbAccept, func(request uint64, hash btc.Hash) node.Event {
		return node.OperatorAcceptReorg{Request: request, Hash: hash}
	})
	control.Handle(verbPeers, d.peers)
	control.Handle(verbBook, d.book)
	d.handleAddresses(port)
	d.handleFlight(folder)
	return d, nil
}

// serve answers until ctx is done.
func (d *desk) serve(ctx context.Context) {
	defer close(d.ended)
	if err := d.control.Serve(ctx); err != nil {
		d.log.ErrorContext(ctx, "commands are not answered any more", slog.String("reason", err.Error()))
	}
}

// close gives the socket back if it was never served.
func (d *desk) close() { _ = d.control.Close() }

// handleHash answers a verb that is an order about one block.
func (d *desk) handleHash(verb string, order func(uint64, btc.Hash) node.Event) {
	d.control.Handle(verb, func(ctx context.Context, args []byte) (any, error) {
		var a hashArgs
		if err := ops.DecodeArgs(args, &a); err != nil {
			return nil, err
		}
		answer, err := d.ask(ctx, adapter.Request{Order: func(request uint64) node.Event { return order(request, a.Hash) }})
		if err != nil {
			return nil, err
		}
		s := answer.Status
		return orderResult{s.JournalHeight, s.JournalTip, s.BestHeight, s.Parked, s.Held}, nil
	})
}

// ask hands a request to the adapter and waits for its answer, no longer than ctx.
// An order that was refused is an [*ops.RefusedError].
func (d *desk) ask(ctx context.Context, r adapter.Request) (adapter.Answer, error) {
	answers := make(chan adapter.Answer, 1)
	r.Answer = answers
	select {
	case d.requests <- r:
	case <-ctx.Done():
		return adapter.Answer{}, errors.New("the adapter is busy or has not begun: try again")
	}
	select {
	case a := <-answers:
		if a.Refused != "" {
			return a, &ops.RefusedError{Why: a.Refused}
		}
		return a, nil
	case <-ctx.Done():
		return adapter.Answer{}, errors.New("the adapter did not answer in time: look what came of it, then try again")
	}
}
