package adapter_test

import (
	"io"
	"net"
	"testing"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
	"blockgate/adapter/fakepeer"
)

// TestConnectionToOurselves meets somebody who sends back all that we send, so that our
// own nonce comes back: the connection ends, and nobody is banned. THREATS M17.
func TestConnectionToOurselves(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.9:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(conn, conn); _ = conn.Close() }()
		}
	}()
	chain := fakepeer.First600()
	w := newWorld(t, chain, fakepeer.Script{})
	at, err := addrbook.ParseAddr(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	w.config.Dialer.Transports = dialer.OnlyV1
	w.config.Node.Connect = append(w.config.Node.Connect, at)
	w.run()
	gone := w.log.await(t, "the end of the talk to ourselves", func(record map[string]any) bool {
		return record["msg"] == "peer gone" && record["peer"] == at.String()
	})
	t.Log(gone)
	_, tip := chain.Tip()
	w.journal.await(t, tip)
	w.stop()
	if peers := w.log.banned(); len(peers) > 0 {
		t.Errorf("%v were banned", peers)
	}
}
