package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"blockgate/sandbox"
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the build identity that both binaries must share",
		Example: "  blockgate version",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "blockgate %s %s %s/%s\n", sandbox.BuildID(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
