package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"blockgate/adapter/node"
	"blockgate/headerchain"
	"blockgate/internal/btc"
)

const importLong = `Adds the headers of a file to those of a data directory, so that ` + "`blockgate run`" + `
need not ask peers for them. The file holds 80-byte records, each after its
parent, as ` + "`headers export`" + ` and ` + "`getblockheader HASH false`" + ` write them; forks may be
among them. The first record's parent must be known: genesis is. The data
directory is made if there is none; no blockgate may run in it meanwhile.

Each header is checked by every rule that headers can show, as if a peer had sent
it; see ` + "`headers verify --help`" + ` for the rules and their words, to which
too-many-headers comes, our own limit. At the first that breaks one the import
ends: the valid headers before it are kept, nothing that follows is.

What goes to the disk is what ` + "`run`" + ` keeps: the best chain, and branches that are at
most 6 blocks' work behind it. Headers that are there already are counted and not
written again. A chain with less work than the network's minimum is kept, and not
followed before it has that work.

Exit code 0: all valid. 1: a header is not. 2: usage. 3: own failure. 5: the data
directory cannot be used, or its disk is full or read-only; what was written stays,
and the same import goes on from there.`

const importExample = `  blockgate headers import --datadir /var/lib/blockgate headers.bin
  blockgate headers import --datadir /tmp/bg --network testnet4 --json headers.bin
  blockgate headers export --datadir OLD --all - | blockgate headers import --datadir NEW -`

func newHeadersImport() *cobra.Command {
	s := &transferSettings{}
	cmd := &cobra.Command{
		Use:     "import FILE|-",
		Short:   "Add the headers of a file to a data directory, each checked by all rules",
		Long:    importLong,
		Example: importExample,
		Args:    cobra.ExactArgs(1),
		PreRunE: func(cmd *cobra.Command, _ []string) error { return applyEnvironment(cmd) },
		RunE:    func(cmd *cobra.Command, args []string) error { return runImport(cmd, s, args[0]) },
	}
	addTransfer(cmd, s)
	cmd.Flags().StringVar(&s.id, "id", defaultID, "name of the instance, if its data directory is made")
	return cmd
}

func runImport(cmd *cobra.Command, s *transferSettings, path string) error {
	if _, err := s.complete(cmd); err != nil {
		return err
	}
	in, done, err := openInput(cmd, path)
	if err != nil {
		return err
	}
	defer done()
	dir, err := openDataDir(s.dataDir, identityOf(&s.network, s.id))
	if err != nil {
		return err
	}
	defer dir.lock.Close() //nolint:errcheck // the lock goes with the process
	file, err := openHeaders(dir.sub("adapter"), s.network.Network, newLog(cmd.ErrOrStderr(), "text", "import"))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // what was written is synced
	i := newHeaderImport(&s.network, file, newHeaderProgress(cmd.ErrOrStderr(), countHeaders(in)), time.Now)
	if err := i.run(cmd.Context(), in); err != nil {
		return err
	}
	result := i.result()
	if err := printResult(cmd.OutOrStdout(), result, result.text, s.json); err != nil {
		return err
	}
	if bad := result.Refused; bad != nil {
		return exitf(exitNo, "header %s: %s: %s; %s", bad.place(), bad.Rule, bad.Detail, result.keptText())
	}
	return nil
}

// headerShelf is where an import puts headers: see [adapter.Headers].
type headerShelf interface {
	Load(each func([]btc.Header) error) error
	Keep(headers []btc.Header) error
}

// headerImport is a file of headers on its way to the disk.
//
// Memory: one chunk and what a [headerchain.Chain] keeps of each header, which is
// bounded by its own limit.
type headerImport struct {
	network  *networkFlag
	shelf    headerShelf
	chain    *headerchain.Chain
	keeper   *node.Keeper
	progress *headerProgress
	now      func() time.Time // our clock
	started  time.Time

	count, news, kept int64    // of valid headers; of them that were not known; written
	last              btc.Hash // of the last valid header, zero before
	height            btc.Height
	refused           *refusedHeader
}

func newHeaderImport(network *networkFlag, shelf headerShelf, progress *headerProgress, now func() time.Time) *headerImport {
	chain := headerchain.New(network.Network)
	return &headerImport{
		network: network, shelf: shelf, chain: chain, keeper: node.NewKeeper(chain), progress: progress, now: now,
	}
}

// run takes all of in. What is wrong with a header is in the result; an error is
// the caller's, the disk's or ours.
func (i *headerImport) run(ctx context.Context, in io.Reader) error {
	err := i.shelf.Load(func(headers []btc.Header) error {
		if err := i.keeper.Preload(headers, i.now()); err != nil {
			return err
		}
		return ctx.Err()
	})
	switch {
	case err != nil && ctx.Err() == nil:
		return exitf(exitData, "%w", err)
	case err != nil:
		return err
	}
	if err := i.keep(nil); err != nil { // is the disk writable at all?
		return err
	}
	i.started = i.now()
	rest, err := readHeaders(ctx, in, func(headers []btc.Header) (bool, error) {
		err := i.take(headers)
		if len(headers) == btc.MaxHeaders {
			i.progress.step(i.now(), i.started, i.count)
		}
		return i.refused == nil, err
	})
	switch {
	case err != nil:
		return err
	case i.refused != nil:
	case rest > 0:
		i.refuse(nil, i.height+1, ruleTruncated, fmt.Sprintf("%d bytes at offset %d, a header has %d", rest, i.count*btc.HeaderSize, btc.HeaderSize))
	case i.count == 0:
		i.refuse(nil, 0, ruleEmpty, "no header in 0 bytes")
	}
	return nil
}

// take checks the next headers of the file and keeps what belongs on the disk.
func (i *headerImport) take(headers []btc.Header) error {
	if i.count == 0 && len(headers) > 0 {
		if err := i.begin(&headers[0]); err != nil || i.refused != nil {
			return err
		}
	}
	for len(headers) > 0 {
		done, keep, err := i.keeper.Accept(headers, i.now())
		valid := done.New + done.Known
		i.count, i.news = i.count+int64(valid), i.news+int64(done.New)
		if valid > 0 {
			entry, _ := i.chain.Lookup(done.Last)
			i.last, i.height = entry.Hash, entry.Height
		}
		if err := i.keep(keep); err != nil {
			return err
		}
		if err == nil {
			return nil
		}
		headers = headers[valid:]
		if valid > 0 && errors.Is(err, headerchain.ErrDiscontinuous) {
			continue // another branch begins, or nothing known
		}
		return i.judge(&headers[0], err)
	}
	return nil
}

// begin looks at the first header of the file, which tells most of what goes wrong
// with the network.
func (i *headerImport) begin(first *btc.Header) error {
	network := i.network.Network
	switch other := genesisOf(first); {
	case other.Valid() && other != network:
		return usagef("--network %s: the file starts at the genesis of %s", network, other)
	case !other.Valid() && first.Prev().IsZero():
		i.refuse(first, 0, ruleNotGenesis, fmt.Sprintf("the genesis of %s is %s", network, network.Params().Genesis.Hash()))
	}
	return nil
}

// keep writes headers.
func (i *headerImport) keep(headers []btc.Header) error {
	if err := i.shelf.Keep(headers); err != nil {
		return exitf(exitData, "%w\n  the %d new headers before are on the disk: mend it and import the same file again", err, i.kept)
	}
	i.kept += int64(len(headers))
	return nil
}

// ruleTooMany is no rule of Bitcoin's but our limit.
const ruleTooMany = "too-many-headers"

// judge says which rule the header broke that Accept refused.
func (i *headerImport) judge(header *btc.Header, err error) error {
	refused, rule, ok := brokenRule(err)
	switch {
	case ok:
	case errors.As(err, &refused) && (errors.Is(err, headerchain.ErrSideFull) || errors.Is(err, headerchain.ErrChainFull)):
		rule = ruleTooMany
	default:
		return err // our own failure
	}
	detail := refusalDetail(refused)
	if rule == ruleNotLinked {
		best := i.chain.Best()
		detail = fmt.Sprintf("previous hash %s is not known; the best chain ends at height %d, %s", header.Prev(), best.Height, best.Hash)
		if !i.last.IsZero() {
			detail += fmt.Sprintf("; the header before it is %s", i.last)
		}
	}
	i.refuse(header, refused.Height, rule, detail)
	return nil
}

// refuse ends the import at header, nil where the bytes are none.
func (i *headerImport) refuse(header *btc.Header, height btc.Height, rule, detail string) {
	i.refused = &refusedHeader{Height: height, Offset: i.count * btc.HeaderSize, Rule: rule, Detail: detail}
	if header != nil {
		hash := header.Hash()
		i.refused.Hash = &hash
	}
}
