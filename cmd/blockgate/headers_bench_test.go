package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"testing"
	"time"

	"blockgate/internal/btc"
)

// headersServed is how many headers BenchmarkHeaders serves: 475 full messages, about as
// many headers as mainnet had at the end of 2025.
const headersServed = 475 * btc.MaxHeaders

// BenchmarkHeaders measures how long it takes from the first getheaders of a node until it
// asks for what comes after all 950,000 headers, from one peer on loopback that has them
// ready: our whole service, and btcd. They take turns, and the faster run of each counts.
func BenchmarkHeaders(b *testing.B) {
	const rounds = 3
	served := newHeaderChain(b)
	ours, theirs := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range rounds {
		ours = min(ours, served.time(b, func(addr string) func() {
			d := startDaemonWith(b, daemonOptions{binDir: binDir}, b.TempDir(), "--network", "regtest", "--connect", addr, "--v1-only")
			return func() { d.stop() }
		}))
		theirs = min(theirs, served.time(b, func(addr string) func() {
			return startBtcd(b, "--connect="+addr).kill
		}))
	}
	b.ReportMetric(headersServed/ours.Seconds(), "headers/s")
	b.ReportMetric(headersServed/theirs.Seconds(), "headers/s-btcd")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-btcd")
	b.ReportMetric(0, "ns/op")
}

// headerChain is a regtest chain of headers alone, as messages of 2,000.
type headerChain struct {
	frames [][]byte
	after  map[btc.Hash]int // which frame follows the last header of another one
	tip    btc.Hash
}

// newHeaderChain mines headers, a minute apart.
func newHeaderChain(tb testing.TB) *headerChain {
	tb.Helper()
	prev := genesis(btc.Regtest)
	c := &headerChain{after: map[btc.Hash]int{prev: 0}}
	for len(c.frames) < headersServed/btc.MaxHeaders {
		payload := btc.AppendCompactSize(nil, btc.MaxHeaders)
		for i := range btc.MaxHeaders {
			var h btc.Header
			binary.LittleEndian.PutUint32(h[0:], 0x20000000)
			copy(h[4:], prev[:])
			binary.LittleEndian.PutUint32(h[68:], uint32(1_300_000_000+60*(len(c.frames)*btc.MaxHeaders+i)))
			binary.LittleEndian.PutUint32(h[72:], 0x207fffff)
			for prev = h.Hash(); prev[31] > 0x7f; prev = h.Hash() { // the target is 7fffff00...
				binary.LittleEndian.PutUint32(h[76:], binary.LittleEndian.Uint32(h[76:])+1)
			}
			payload = append(append(payload, h[:]...), 0)
		}
		c.frames = append(c.frames, wireFrame("headers", payload))
		c.after[prev] = len(c.frames)
	}
	c.tip = prev
	return c
}

// wireFrame is a message of the v1 transport on regtest.
func wireFrame(command string, payload []byte) []byte {
	f := binary.LittleEndian.AppendUint32(nil, btc.Regtest.Params().Magic)
	f = append(f, command...)
	f = append(f, make([]byte, 12-len(command))...)
	f = binary.LittleEndian.AppendUint32(f, uint32(len(payload)))
	sum := btc.DoubleSHA256(payload)
	return append(append(f, sum[:4]...), payload...)
}

// time serves the headers to the node that start starts, and returns how long that took.
func (c *headerChain) time(b *testing.B, start func(addr string) (stop func())) time.Duration {
	b.Helper()
	listener, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	took, failed := make(chan time.Duration, 1), make(chan error, 1)
	go func() {
		for {
			sock, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer sock.Close()
				if err := c.serve(sock, took); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
					select {
					case failed <- err:
					default:
					}
				}
			}()
		}
	}()
	stop := start(listener.Addr().String())
	defer stop()
	select {
	case d := <-took:
		return d
	case <-time.After(5 * time.Minute):
		select {
		case err := <-failed:
			b.Fatal(err)
		default:
			b.Fatal("no end after 5 minutes")
		}
	}
	return 0
}

// serve answers one connection. What was asked first begins the time, and the question
// what comes after the last header ends it.
func (c *headerChain) serve(sock net.Conn, took chan<- time.Duration) error {
	var began time.Time
	for {
		var head [24]byte
		if _, err := io.ReadFull(sock, head[:]); err != nil {
			return err
		}
		payload := make([]byte, min(binary.LittleEndian.Uint32(head[16:]), 4_000_000))
		if _, err := io.ReadFull(sock, payload); err != nil {
			return err
		}
		answer := []byte(nil)
		switch command := string(bytes.TrimRight(head[4:16], "\x00")); command {
		case "version":
			answer = append(wireFrame("version", headerVersion()), wireFrame("verack", nil)...)
		case "ping":
			answer = wireFrame("pong", payload)
		case "getheaders":
			if began.IsZero() {
				began = time.Now()
			}
			at, err := c.next(payload)
			if err != nil {
				return err
			}
			if at < len(c.frames) {
				answer = c.frames[at]
				break
			}
			answer = wireFrame("headers", []byte{0})
			fallthrough
		case "getdata": // btcd goes on to blocks
			select {
			case took <- time.Since(began):
			default:
			}
		}
		if _, err := sock.Write(answer); err != nil {
			return err
		}
	}
}

// next returns the number of the frame that a getheaders asks for.
func (c *headerChain) next(payload []byte) (int, error) {
	if len(payload) < 4+1+32 {
		return 0, fmt.Errorf("getheaders of %d bytes", len(payload))
	}
	for locator := payload[5:]; len(locator) >= 64; locator = locator[32:] { // the last one is the stop
		if at, ok := c.after[btc.Hash(locator[:32])]; ok {
			return at, nil
		}
	}
	return 0, nil
}

// headerVersion is the version message of a node that has the whole chain.
func headerVersion() []byte {
	v := binary.LittleEndian.AppendUint32(nil, 70016)
	v = binary.LittleEndian.AppendUint64(v, 1|1<<3)
	v = binary.LittleEndian.AppendUint64(v, uint64(time.Now().Unix()))
	v = append(v, make([]byte, 26+26)...)
	v = append(v, "headers!"...)
	v = append(v, 3, '/', 'h', '/')
	v = binary.LittleEndian.AppendUint32(v, headersServed)
	return append(v, 1)
}
