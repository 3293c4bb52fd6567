// MPTCP passes by what Landlock closes, so no socket of ours asks for it.

//go:debug multipathtcp=0

package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endings()...)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(int(code))
}

// endings are the signals that end a command in order. Whoever starts one with
// nohup wants it to outlive the terminal.
func endings() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// execute runs one command line and returns its exit code. It says an error
// once, on standard error.
func execute(ctx context.Context, args []string) exitCode {
	root := newRoot() //nolint:contextcheck // a command takes its context from ExecuteContext
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "blockgate: "+err.Error())
	}
	return codeOf(err)
}
