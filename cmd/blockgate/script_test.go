package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"blockgate/adapter/evidence"
	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// scriptPatience is how long one step of a script may take; most take less than
// a second.
const scriptPatience = time.Minute

// scriptChain is what the services of scripts follow: 600 blocks of mainnet.
const scriptChain = 599

// scriptServices is the key of the services that a script started.
type scriptServices struct{}

// TestScripts plays testdata/script: what a user types and what comes of it.
//
//	exits CODE blockgate ARG...        runs it and wants the exit code
//	block NAME FILE                    unpacks a block of testdata/blocks
//	evidence FILE NAME HEIGHT REASON [SIZE]  keeps such a block, or its beginning, as evidence
//	headers NAME FILE                  unpacks headers of headerchain/testdata
//	flip FILE OFFSET                   changes one bit of a file, or changes it back
//	cut FILE SIZE                      shortens a file, or lengthens it with zeros
//	keys KEY,...                       wants these keys, in order, in the first line of stdout
//	taken                              takes a port, $TAKEN
//	serve DATADIR                      follows 600 blocks of mainnet from $PEER on $NATS; $SEED is a file with the reader's key
//	stop                               stops that service
//	lines N blockgate ARG...           takes so many lines of its output, closes the pipe and wants exit code 0
//	blocks FIRST LAST blockgate ARG... wants those blocks, length-prefixed, then interrupts it and wants exit code 0
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", binDir+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("TMPDIR", filepath.Join(env.WorkDir, ".tmp"))
			env.Values[scriptServices{}] = map[string]*service{}
			return nil
		},
		RequireUniqueNames: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"evidence": scriptEvidence, "exits": scriptExits, "block": scriptBlock, "headers": scriptHeaders, "flip": scriptFlip, "cut": scriptCut, "keys": scriptKeys,
			"taken": scriptTaken, "serve": scriptServe, "stop": scriptStop, "lines": scriptLines, "blocks": scriptBlocks,
		},
	})
}

// scriptArgs wants so many arguments at least and no "!".
func scriptArgs(ts *testscript.TestScript, neg bool, args []string, want int) {
	if neg || len(args) < want {
		ts.Fatalf("want %d arguments and no !", want)
	}
}

func scriptNumber(ts *testscript.TestScript, text string) int {
	n, err := strconv.Atoi(text)
	ts.Check(err)
	return n
}

func scriptExits(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 2)
	want, got := scriptNumber(ts, args[0]), 0
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func scriptBlock(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 2)
	raw, err := unpackBlock(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), raw, 0o600))
}

func scriptEvidence(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 4)
	raw, err := unpackBlock(args[1])
	ts.Check(err)
	if len(args) > 4 {
		raw = raw[:scriptNumber(ts, args[4])]
	}
	r := evidence.Record{
		Network: btc.Mainnet, Height: btc.Height(scriptNumber(ts, args[2])), MedianTime: 1, Reason: args[3],
		Detail: "a detail", Time: time.Unix(1_700_000_000, 0), Build: testBuild, Body: raw,
	}
	file, err := r.Encode()
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), file, 0o600))
}

func scriptHeaders(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 2)
	raw, err := unpackHeaders(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), raw, 0o600))
}

// unpackBlock returns a block of the repository's testdata/blocks.
func unpackBlock(name string) ([]byte, error) {
	file, err := os.Open(filepath.Join("../../testdata/blocks", name+".raw.gz"))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(unpacked)
}

func scriptFlip(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 2)
	raw, offset := []byte(ts.ReadFile(args[0])), scriptNumber(ts, args[1])
	if offset < 0 || offset >= len(raw) {
		ts.Fatalf("offset %d of %d bytes", offset, len(raw))
	}
	raw[offset] ^= 1 << (offset % 8)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

func scriptCut(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 2)
	ts.Check(os.Truncate(ts.MkAbs(args[0]), int64(scriptNumber(ts, args[1]))))
}

func scriptKeys(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 1)
	line, _, _ := strings.Cut(ts.ReadFile("stdout"), "\n")
	got, err := jsonKeys(line)
	ts.Check(err)
	if want := strings.Split(args[0], ","); !slices.Equal(got, want) {
		ts.Fatalf("keys %q, want %q", got, want)
	}
}

// jsonKeys returns the keys of a JSON object, in order.
func jsonKeys(object string) ([]string, error) {
	var keys []string
	decoder := json.NewDecoder(strings.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		keys = append(keys, fmt.Sprint(key))
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

func scriptTaken(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 0)
	socket, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = socket.Close() })
	_, port, err := net.SplitHostPort(socket.Addr().String())
	ts.Check(err)
	ts.Setenv("TAKEN", port)
}

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 1)
	ctx, cancel := context.WithTimeout(context.Background(), scriptPatience)
	ts.Defer(cancel)
	peer, err := fakepeer.Listen(ctx, "127.0.0.1:0", fakepeer.First600(), fakepeer.Script{})
	ts.Check(err)
	ts.Defer(peer.Close)
	port, err := freePort(ctx)
	ts.Check(err)
	dir := ts.MkAbs(args[0])
	s, err := launch(ctx, filepath.Join(binDir, "blockgate"), []string{
		"run", "--log-format", "json", "--network", "mainnet", "--datadir", dir, "--minimum-chain-work", "0", "--start-height", "1",
		"--journal-size", "64MiB", "--nats-listen", "127.0.0.1:" + port, "--http-listen=", "--connect", peer.Addr().String(),
	}, nil)
	ts.Check(err)
	ts.Defer(func() { _ = s.stop() })
	for s.published() < scriptChain && ctx.Err() == nil && s.failure() == nil {
		s.awaitLog(ctx, 0, scriptChain)
	}
	ts.Check(errors.Join(ctx.Err(), s.failure()))
	access, err := readBusAccess(dir)
	ts.Check(err)
	ts.Setenv("NATS", access.URL)
	ts.Setenv("PEER", peer.Addr().String())
	ts.Setenv("SEED", ts.MkAbs("reader.seed"))
	ts.Check(os.WriteFile(ts.MkAbs("reader.seed"), []byte(access.Seed), 0o600))
	ts.Value(scriptServices{}).(map[string]*service)["one"] = s
}

func scriptStop(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 0)
	s, ok := ts.Value(scriptServices{}).(map[string]*service)["one"]
	if !ok {
		ts.Fatalf("no service to stop")
	}
	ts.Check(s.stop())
}

func scriptLines(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 2)
	count := scriptNumber(ts, args[0])
	scriptRead(ts, args[1:], func(p *exec.Cmd, out io.ReadCloser) error {
		lines := bufio.NewReader(out)
		for i := range count {
			line, err := lines.ReadString('\n')
			if err != nil {
				return fmt.Errorf("line %d: %w", i, err)
			}
			_, _ = io.WriteString(ts.Stdout(), line)
		}
		if count < scriptChain {
			return out.Close() // it writes on, and gets EPIPE
		}
		return p.Process.Signal(syscall.SIGTERM) // it has no more to write
	})
}

func scriptBlocks(ts *testscript.TestScript, neg bool, args []string) {
	scriptArgs(ts, neg, args, 3)
	first, last := scriptNumber(ts, args[0]), scriptNumber(ts, args[1])
	chain := fakepeer.First600()
	scriptRead(ts, args[2:], func(p *exec.Cmd, out io.ReadCloser) error {
		in := bufio.NewReader(out)
		for height := first; height <= last; height++ {
			hash, _ := chain.At(btc.Height(height))
			want, _, _ := chain.Block(hash)
			got := make([]byte, 4+len(want))
			if _, err := io.ReadFull(in, got); err != nil {
				return fmt.Errorf("block %d: %w", height, err)
			}
			if binary.LittleEndian.Uint32(got) != uint32(len(want)) || !bytes.Equal(got[4:], want) {
				return fmt.Errorf("block %d is not the chain's", height)
			}
		}
		go func() { _, _ = io.Copy(io.Discard, in) }() // until it ends
		return p.Process.Signal(syscall.SIGINT)
	})
}

// scriptRead runs a program whose output read takes; read also sees to its end,
// which must be exit code 0.
func scriptRead(ts *testscript.TestScript, args []string, read func(*exec.Cmd, io.ReadCloser) error) {
	ctx, cancel := context.WithTimeout(context.Background(), scriptPatience)
	defer cancel()
	p := exec.CommandContext(ctx, filepath.Join(binDir, args[0]), args[1:]...)
	p.Env = []string{"HOME=" + ts.Getenv("HOME")}
	p.Dir = ts.MkAbs(".")
	p.Stderr = ts.Stderr()
	out, in, err := os.Pipe()
	ts.Check(err)
	defer out.Close()
	p.Stdout = in
	ts.Check(errors.Join(p.Start(), in.Close()))
	err = read(p, out)
	if err != nil {
		cancel()
	}
	if waited := p.Wait(); waited != nil {
		ts.Fatalf("%q: %v; %v", args, err, waited)
	}
	ts.Check(err)
}
