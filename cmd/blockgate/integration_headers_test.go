package main

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"blockgate/adapter"
	"blockgate/adapter/fakepeer"
	"blockgate/headerchain"
	"blockgate/headerchain/store"
	"blockgate/internal/btc"
)

// headersLoaded matches the line of an adapter that starts with headers up to
// height.
func headersLoaded(height int) func(record) bool {
	return func(r record) bool { return r.Msg == "headers loaded" && r.Height == height }
}

// mineMore extends a chain.
func mineMore(t *testing.T, chain *fakepeer.Chain, blocks int) {
	t.Helper()
	if err := chain.Mine(blocks); err != nil {
		t.Fatal(err)
	}
}

// TestHeadersResume stops a service and starts it again, and then kills its
// adapter. The peer is not asked again for the headers that were there.
func TestHeadersResume(t *testing.T) {
	t.Parallel()
	const blocks = 60
	chain := regtest(t, 91, blocks)
	peer := listen(t, 91, chain, fakepeer.Script{})
	dir := t.TempDir()
	args := append(connectTo(peer), "--network", "regtest", "--nats-listen", freeAddress(t))
	d := startDaemon(t, dir, args...)
	d.await("an empty file", 0, headersLoaded(0))
	follow(d, 0, genesis(btc.Regtest)).connects(blocks)
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	first := peer.Stats().Headers
	if first < blocks {
		t.Fatalf("%d headers were sent", first)
	}

	d = startDaemon(t, dir, args...)
	d.await("the stored headers", 0, headersLoaded(blocks))
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(blocks)
	mineMore(t, chain, 2)
	f.connects(blocks + 2)
	d.kill(d.live("adapter"))
	_, died := d.awaitMessage("adapter died", 0)
	d.await("the headers of the one that was killed", died, headersLoaded(blocks+2))
	mineMore(t, chain, 1)
	f.connects(blocks + 3)
	f.at(chain)
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if sent := peer.Stats().Headers - first; sent > 10 {
		t.Errorf("%d headers were sent after the first run", sent)
	}
}

// TestMinimumChainWork gives services a minimum chain work. A chain that has it, but
// shows it with its third message alone, is read twice and followed; of one that has
// less nothing is kept (H01).
func TestMinimumChainWork(t *testing.T) {
	t.Parallel()
	const tall, low = 4_200, 60
	minimum := btc.Regtest.Params().PowLimit.Work().Mul(tall).String()
	args := []string{"--network", "regtest", "--minimum-chain-work", minimum, "--start-height", strconv.Itoa(tall - 5)}

	dir := t.TempDir()
	peer := listen(t, 95, regtest(t, 95, tall), fakepeer.Script{})
	d := startDaemon(t, dir, append(connectTo(peer), args...)...)
	d.await("the end of the sync", 0, func(r record) bool { return r.Msg == "synced" && r.Height == tall })
	if sent := peer.Stats().Headers; sent < 2*tall || sent > 2*tall+2*btc.MaxHeaders {
		t.Errorf("%d headers were sent, want each of %d twice", sent, tall)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if file, err := os.Stat(filepath.Join(dir, "adapter", headerFileName)); err != nil || file.Size() != 64+88*tall {
		t.Errorf("%v, %v", file, err)
	}

	dir = t.TempDir()
	peer = listen(t, 96, regtest(t, 96, low), fakepeer.Script{})
	d = startDaemon(t, dir, append(connectTo(peer), args...)...)
	eventually(t, "the headers of a chain with less work", func() bool { return peer.Stats().Headers >= low })
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if file, err := os.Stat(filepath.Join(dir, "adapter", headerFileName)); err != nil || file.Size() > 64 {
		t.Errorf("%v, %v", file, err)
	}
	for _, r := range d.lines() {
		if r.Msg == "synced" {
			t.Errorf("%+v", r)
		}
	}
}

// TestHeadersFullDisk lets the adapter write no byte more to its file of headers, and
// then lets it again. The service goes on meanwhile, and afterwards the disk has all.
func TestHeadersFullDisk(t *testing.T) {
	t.Parallel()
	const blocks = 20
	chain := regtest(t, 97, blocks)
	peer := listen(t, 97, chain, fakepeer.Script{})
	dir := t.TempDir()
	file := filepath.Join(dir, "adapter", headerFileName)
	size := func() int64 {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	d := startDaemon(t, dir, append(connectTo(peer), "--network", "regtest")...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(blocks)
	eventually(t, "the headers on the disk", func() bool { return size() == 64+88*blocks })

	adapter := d.live("adapter")
	var before unix.Rlimit
	full := func(most uint64) {
		t.Helper()
		if err := unix.Prlimit(adapter, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: most, Max: before.Max}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := unix.Prlimit(adapter, unix.RLIMIT_FSIZE, nil, &before); err != nil {
		t.Fatal(err)
	}
	full(64 + 88*blocks + 30) // a part of a record still fits
	mineMore(t, chain, 3)
	d.awaitMessage("headers not written", 0)
	f.connects(blocks + 3)
	f.at(chain)
	full(before.Cur)
	d.awaitMessage("headers written again", 0)
	mineMore(t, chain, 1)
	f.connects(blocks + 4)
	if d.live("adapter") != adapter {
		t.Error("the adapter was started again")
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if got := size(); got != 64+88*(blocks+4) {
		t.Errorf("%d bytes", got)
	}
	again, err := openHeaders(filepath.Dir(file), btc.Regtest, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	loaded := headerchain.New(btc.Regtest)
	err = again.Load(func(headers []btc.Header) error {
		_, err := loaded.Accept(headers, time.Now())
		return err
	})
	if _, tip := chain.Tip(); err != nil || loaded.Best().Hash != tip {
		t.Errorf("%v, %v, want %v", loaded.Best(), err, tip)
	}
}

// TestHeadersDamaged damages the file of headers of a service that ran: a torn tail
// is mended by the peers, anything else ends the service with a text that says where
// and what to do.
func TestHeadersDamaged(t *testing.T) {
	t.Parallel()
	const blocks, later = 20, 3
	chain := regtest(t, 93, blocks)
	peer := listen(t, 93, chain, fakepeer.Script{})
	dir := t.TempDir()
	file := filepath.Join(dir, "adapter", headerFileName)
	args := append(connectTo(peer), "--network", "regtest", "--nats-listen", freeAddress(t))
	d := startDaemon(t, dir, args...)
	f := follow(d, 0, genesis(btc.Regtest))
	f.connects(blocks)
	mineMore(t, chain, later)
	f.connects(blocks + later)
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	good, err := os.ReadFile(file)
	if err != nil || len(good) != 64+88*(blocks+later) {
		t.Fatalf("%d bytes, %v", len(good), err)
	}

	write(t, file, string(good[:len(good)-5]))
	d = startDaemon(t, dir, args...)
	d.awaitMessage("the last writes of headers were cut short", 0)
	d.await("the headers before", 0, headersLoaded(blocks+later-1))
	follow(d, 0, genesis(btc.Regtest)).connects(blocks + later)
	d.await("the end of the sync", 0, func(r record) bool { return r.Msg == "synced" && r.Height == blocks+later })
	if code := d.stop(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if mended, err := os.ReadFile(file); err != nil || string(mended[:len(good)-8]) != string(good[:len(good)-8]) {
		t.Errorf("the file was not mended: %d bytes, %v", len(mended), err)
	}

	damaged := append([]byte(nil), good...)
	damaged[64+88*7+40] ^= 1
	for _, test := range []struct {
		name, content string
		want          []string
	}{
		{"flipped bit", string(damaged), []string{file, "offset 680", "damaged", "may be deleted"}},
		{"newer format", "blockgate-headers 2 regtest\n", []string{file, "newer blockgate", "version 2", "may be deleted"}},
		{"another file", "something else\n", []string{file, "blockgate-headers"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			write(t, file, test.content)
			code, output := runOnce(t, daemonOptions{}, append([]string{"run", "--datadir", dir}, args...)...)
			checkRefusal(t, code, output, exitData, test.want)
		})
	}
}

// TestAdapterErrors gives each error of the adapter its exit code.
func TestAdapterErrors(t *testing.T) {
	for _, test := range []struct {
		err  error
		want exitCode
	}{
		{nil, exitOK},
		{errors.New("other"), exitOwn},
		{errors.Join(adapter.ErrHeaders, store.ErrDamaged), exitData},
		{adapter.ErrPermanent, exitBus},
		{&adapter.FatalError{Detail: "start"}, exitBus},
	} {
		if code := codeOf(adapterError(test.err)); code != test.want {
			t.Errorf("%v: exit code %d, want %d", test.err, code, test.want)
		}
	}
	_, err := openHeaders(filepath.Join(t.TempDir(), "none"), btc.Regtest, nil)
	if codeOf(err) != exitData || !strings.Contains(err.Error(), headerFileName) {
		t.Errorf("no folder: %v", err)
	}
}
