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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:])
	stop()
	os.Exit(int(code))
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
