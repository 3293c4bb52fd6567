package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter/node"
	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

const exportLong = `Writes the best header chain of a data directory to a file: 80-byte records from
genesis to the tip, as ` + "`headers verify` and `headers import`" + ` read them. All headers
are checked by every rule on the way. The data directory is not written to; no
blockgate may run in it meanwhile. A file that is there is replaced once the new
one is whole.

With --all forks are among the records, in the order of the work of their chains,
the best chain first where two are equal: each record after its parent, and each
fork where the tip was when it was young, so that ` + "`headers import`" + ` keeps all of it.
` + "`headers verify`" + ` takes no forks.

What came of it is said on standard output, or on standard error if that is where
the headers go.

Exit code 0: done. 2: usage. 3: own failure. 5: the data directory or the file
cannot be used.`

const exportExample = `  blockgate headers export --datadir /var/lib/blockgate headers.bin
  blockgate headers export --datadir /tmp/bg --json --all headers.bin
  blockgate headers export --datadir /tmp/bg - | blockgate headers verify -`

func newHeadersExport() *cobra.Command {
	s := &transferSettings{}
	cmd := &cobra.Command{
		Use:     "export FILE|-",
		Short:   "Write the headers of a data directory to a file",
		Long:    exportLong,
		Example: exportExample,
		Args:    cobra.ExactArgs(1),
		PreRunE: func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd) },
		RunE:    func(cmd *cobra.Command, args []string) error { return runExport(cmd, s, args[0]) },
	}
	addTransfer(cmd, s)
	cmd.Flags().BoolVar(&s.all, "all", false, "write forks, too")
	return cmd
}

func runExport(cmd *cobra.Command, s *transferSettings, path string) error {
	found, err := s.complete(cmd)
	if err != nil {
		return err
	}
	file := filepath.Join(s.dataDir, "adapter", headerFileName)
	if !found || !exists(file) {
		return exitf(exitData, "no headers in %s: name the --datadir of a blockgate that ran, or make one with `blockgate headers import --datadir %s FILE`", s.dataDir, s.dataDir)
	}
	unlock, err := lockToRead(s.dataDir)
	if err != nil {
		return err
	}
	defer unlock()
	e := &headerExport{network: s.network.Network, file: file, progress: newHeaderProgress(cmd.ErrOrStderr(), 0), now: time.Now}
	if err := e.load(cmd.Context()); err != nil {
		return err
	}
	if s.all {
		if err := e.findForks(cmd.Context()); err != nil {
			return err
		}
	}
	report := cmd.OutOrStdout()
	if path == "-" {
		report, err = cmd.ErrOrStderr(), e.write(cmd.Context(), cmd.OutOrStdout())
	} else {
		err = e.writeFile(cmd.Context(), path)
	}
	if err != nil {
		return err
	}
	result := e.result()
	return printResult(report, result, result.text, s.json)
}

// headerExport is the headers of a data directory on their way to a file.
type headerExport struct {
	network  btc.Network
	file     string
	progress *headerProgress
	now      func() time.Time
	started  time.Time

	chain  *headerchain.Chain
	forks  []headerchain.Entry // in the order in which they are written
	loaded int64               // records
	count  int64               // of headers written
}

// read hands the records of the file to each.
func (e *headerExport) read(ctx context.Context, each func([]btc.Header) error) error {
	opened, err := store.OpenRead(e.file, e.network)
	if err != nil {
		return &exitError{exitData, err}
	}
	defer opened.Close() //nolint:errcheck // read only
	e.progress.total = int64(opened.Records())
	_, err = opened.Load(func(headers []btc.Header) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return each(headers)
	})
	if err != nil && ctx.Err() == nil {
		return &exitError{exitData, err}
	}
	return err
}

// load checks all headers and finds the best chain.
func (e *headerExport) load(ctx context.Context) error {
	e.started, e.chain = e.now(), headerchain.New(e.network)
	keeper := node.NewKeeper(e.chain)
	return e.read(ctx, func(headers []btc.Header) error {
		e.loaded += int64(len(headers))
		e.progress.step(e.now(), e.started, e.loaded)
		return keeper.Preload(headers, e.now())
	})
}

// findForks finds the headers that are not on the best chain and puts them in
// order. Memory: at most [headerchain.MaxSideHeaders] entries, and what is on the
// disk twice.
func (e *headerExport) findForks(ctx context.Context) error {
	seen := map[btc.Hash]bool{}
	err := e.read(ctx, func(headers []btc.Header) error {
		for i := range headers {
			entry, ok := e.chain.Lookup(headers[i].Hash())
			if !ok || seen[entry.Hash] {
				continue // our limits let it go, or it came again
			}
			if best, ok := e.chain.AtHeight(entry.Height); ok && best.Hash == entry.Hash {
				continue
			}
			seen[entry.Hash] = true
			e.forks = append(e.forks, entry)
		}
		return nil
	})
	slices.SortFunc(e.forks, func(a, b headerchain.Entry) int {
		return cmp.Or(a.Work.Cmp(b.Work), bytes.Compare(a.Hash[:], b.Hash[:]))
	})
	return err
}

// writeFile puts the headers into path: into a file beside it that is synced and
// then renamed, or straight into what is no regular file.
func (e *headerExport) writeFile(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return e.writeTo(ctx, path, func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY, 0) }) //nolint:gosec // named by the caller
	}
	var temp string
	err := e.writeTo(ctx, path, func() (*os.File, error) {
		file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
		if err == nil {
			temp = file.Name()
			err = file.Chmod(0o644) // headers are public
		}
		return file, err
	})
	if temp != "" {
		defer os.Remove(temp) //nolint:errcheck // gone already when all went well
	}
	if err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return exitf(exitData, "write %s: %w", path, err)
	}
	return nil
}

// writeTo writes the headers to what open opens, and syncs it if it can be.
func (e *headerExport) writeTo(ctx context.Context, path string, open func() (*os.File, error)) error {
	file, err := open()
	if err != nil {
		return exitf(exitData, "write %s: %w", path, err)
	}
	err = e.write(ctx, file)
	if info, statErr := file.Stat(); err == nil && statErr == nil && info.Mode().IsRegular() {
		err = file.Sync()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil && ctx.Err() == nil {
		return exitf(exitData, "write %s: %w", path, err)
	}
	return err
}

// write writes the best chain and, among it, the forks.
func (e *headerExport) write(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriterSize(w, btc.MaxHeaders*btc.HeaderSize)
	best, forks := e.chain.Best(), e.forks
	e.progress.total = int64(best.Height) + 1 + int64(len(forks))
	for height := range best.Height + 1 {
		entry, ok := e.chain.AtHeight(height)
		if !ok {
			return fmt.Errorf("no header at height %d of %d", height, best.Height)
		}
		for len(forks) > 0 && forks[0].Work.Cmp(entry.Work) < 0 {
			if err := e.put(ctx, out, &forks[0]); err != nil {
				return err
			}
			forks = forks[1:]
		}
		if err := e.put(ctx, out, &entry); err != nil {
			return err
		}
	}
	for i := range forks { // as much work as the tip
		if err := e.put(ctx, out, &forks[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (e *headerExport) put(ctx context.Context, out *bufio.Writer, entry *headerchain.Entry) error {
	if _, err := out.Write(entry.Header[:]); err != nil {
		return err
	}
	e.count++
	if e.count%btc.MaxHeaders == 0 {
		e.progress.step(e.now(), e.started, e.count)
		return ctx.Err()
	}
	return nil
}

// exportResult is what `headers export` prints.
type exportResult struct {
	Network btc.Network `json:"network"`
	Headers int64       `json:"headers"` // written, forks included
	Forks   int         `json:"forks"`   // of them off the best chain
	Tip     headerTip   `json:"tip"`
	Work    btc.Work    `json:"work"` // expected hashes from genesis to the tip, hex
	Seconds float64     `json:"seconds"`
	Rate    int64       `json:"headers_per_second"`
}

func (e *headerExport) result() *exportResult {
	elapsed, best := e.now().Sub(e.started), e.chain.Best()
	return &exportResult{
		Network: e.network, Headers: e.count, Forks: len(e.forks), Tip: headerTip{best.Height, best.Hash}, Work: best.Work,
		Seconds: elapsed.Seconds(), Rate: headersPerSecond(e.count, elapsed),
	}
}

func (r *exportResult) text() []byte {
	return fmt.Appendf(nil, "EXPORTED\n  network  %s\n  headers  %d, from genesis, %d of them on forks\n  tip      %d %s\n  work     %s, from genesis\n  rate     %d headers/s\n",
		r.Network, r.Headers, r.Forks, r.Tip.Height, r.Tip.Hash, r.Work, r.Rate)
}
