package adapter_test

import (
	"bytes"
	"net"
	"net/netip"
	"testing"

	"blockgate/adapter/addrbook"
	"blockgate/adapter/dialer"
	"blockgate/adapter/fakepeer"
	"blockgate/adapter/node"
)

// Behind a proxy each connection for a transaction has a token of its own, as every other,
// and what carriers of two transactions say in their handshakes tells them not apart but by
// nonce and time.
func TestTransactionsByProxy(t *testing.T) {
	t.Parallel()
	w := newWorld(t, txChain(t, 1))
	relayers := []*relayer{newRelayer(t), newRelayer(t)}
	routes := map[string]string{}
	for i, r := range relayers {
		at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), 18444)
		routes[at.String()] = r.listen.Addr().(*net.TCPAddr).String()
		w.config.Node.Connect = append(w.config.Node.Connect, addrbook.FromAddrPort(at))
	}
	proxy, err := fakepeer.ListenProxy(t.Context(), "127.0.0.1:0", routes)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	w.config.Node.ConnectOnly = true
	w.config.Dialer = dialer.Config{Proxy: proxy.Addr()}
	c := &txCell{txid: minedTxid(t)}
	desk := w.withTransactions(t.TempDir(), c)
	w.run()
	if _, err := desk.Submit(t.Context(), payment); err != nil {
		t.Fatal(err)
	}
	awaitTx(t, desk, c.txid, node.TxSeen)
	c.txid[0]++
	other, err := desk.Submit(t.Context(), append(bytes.Clone(payment), 1))
	if err != nil {
		t.Fatal(err)
	}
	awaitTx(t, desk, other.Txid, node.TxAnnounced)
	w.stop()

	requests := proxy.Requests()
	tokens := map[string]bool{}
	for _, r := range requests {
		if tokens[r.User+r.Password] || r.User == "" {
			t.Errorf("a token is used again: %+v", r)
		}
		tokens[r.User+r.Password] = true
	}
	came, carriers := 0, map[string]int{}
	for _, r := range relayers {
		r.mu.Lock()
		came += len(r.versions)
		for _, v := range r.versions {
			if v[4] == 8 { // NODE_WITNESS alone
				said := bytes.Clone(v)
				clear(said[12:20]) // time
				clear(said[72:80]) // nonce
				carriers[string(said)]++
			}
		}
		r.mu.Unlock()
	}
	if came > len(requests) {
		t.Errorf("%d connections came, %d by the proxy", came, len(requests))
	}
	if len(carriers) != 1 {
		t.Errorf("carriers introduce themselves in %d ways: %v", len(carriers), carriers)
	}
	for _, count := range carriers {
		if count < 3 {
			t.Errorf("%d carriers, want two of one transaction and one of the other at least", count)
		}
	}
}
