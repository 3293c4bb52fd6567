package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"blockgate/adapter"
	"blockgate/adapter/addrbook"
)

// bookResult is the answer to [verbBook].
type bookResult struct {
	Entries    int            `json:"entries"`
	New        int            `json:"new"`
	Tried      int            `json:"tried"`
	References int            `json:"references"`
	Collisions int            `json:"collisions"`
	Networks   map[string]int `json:"networks"`
}

// book answers [verbBook].
func (d *desk) book(ctx context.Context, _ []byte) (any, error) {
	answer, err := d.ask(ctx, adapter.Request{Book: true})
	if err != nil {
		return nil, err
	}
	b := &answer.Book
	result := bookResult{b.Entries, b.New, b.Tried, b.References, b.Collisions, map[string]int{}}
	for _, kind := range bookKinds() {
		result.Networks[kind.String()] = b.Kinds[kind]
	}
	return result, nil
}

// bookKinds are the networks whose addresses a book keeps.
func bookKinds() []addrbook.Kind {
	return []addrbook.Kind{addrbook.IPv4, addrbook.IPv6, addrbook.TorV3, addrbook.I2P, addrbook.CJDNS}
}

const bookExample = `  blockgate addrbook stats
  blockgate addrbook stats --datadir /var/lib/blockgate --json`

func newAddrbook() *cobra.Command {
	cmd := &cobra.Command{Use: "addrbook", Short: "Look into the address book of a running service", Example: bookExample}
	cmd.AddCommand(newBookStats())
	return cmd
}

func newBookStats() *cobra.Command {
	s := &asking{}
	cmd := &cobra.Command{
		Use: "stats", Short: "Count the addresses of a running service",
		Long:    "Counts the addresses that a running service knows: those that it has heard of\n(new), those that it was connected to (tried), and by network.",
		Example: bookExample,
		Args:    cobra.NoArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd) },
		RunE: func(cmd *cobra.Command, _ []string) error {
			var result bookResult
			if err := s.ask(cmd.Context(), verbBook, nil, &result); err != nil {
				return err
			}
			return s.print(cmd, result, result.text)
		},
	}
	s.addFlags(cmd)
	return cmd
}

// text is for people.
func (r *bookResult) text() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%d addresses: %d tried, %d new in %d places; %d wait for a place\n", r.Entries, r.Tried, r.New, r.References, r.Collisions)
	for _, kind := range bookKinds() {
		_, _ = fmt.Fprintf(&b, "  %-6s %d\n", kind, r.Networks[kind.String()])
	}
	return b.String()
}
