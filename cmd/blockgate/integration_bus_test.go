package main

import (
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"blockgate/adapter/fakepeer"
	"blockgate/internal/btc"
)

// startNats starts a nats-server in this process, as an operator would have one.
// Where the options do not say so, everybody may do all.
func startNats(t *testing.T, address string, options server.Options) *server.Server {
	t.Helper()
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	options.Host, options.Port, options.NoSigs, options.NoLog = host, port, true, true
	nats, err := server.NewServer(&options)
	if err != nil {
		t.Fatal(err)
	}
	nats.Start()
	t.Cleanup(nats.Shutdown)
	if !nats.ReadyForConnections(patience) {
		t.Fatal("nats-server does not start")
	}
	return nats
}

// TestExternalBus starts the service before its bus is there, takes the bus away
// in the middle, and gives it back.
func TestExternalBus(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 71, 10)
	peer := listen(t, 71, chain, fakepeer.Script{})
	address := freeAddress(t)
	d := startDaemon(t, t.TempDir(), append(connectTo(peer), "--network", "regtest", "--nats", "nats://"+address)...)

	waits, seen := d.awaitMessage("bus not reached", 0)
	if !strings.Contains(waits.text, address) || !strings.Contains(waits.Error, "bus is unreachable") {
		t.Errorf("the log says %s; want the address and why", waits.text)
	}
	options := server.Options{JetStream: true, StoreDir: t.TempDir()}
	nats := startNats(t, address, options)
	_, seen = d.awaitMessage("bus reached", seen)
	access := busAccess{URL: "nats://" + address, Network: btc.Regtest, ID: defaultID}
	eventually(t, "stream", func() bool { return nats.NumSubscriptions() > 0 && d.hasSynced(10) })
	f := followAt(t, access, 0, genesis(btc.Regtest))
	f.connects(10)

	nats.Shutdown()
	nats.WaitForShutdown()
	_, seen = d.awaitMessage("bus connection lost", seen)
	if err := chain.Mine(5); err != nil {
		t.Fatal(err)
	}
	last, _ := chain.At(15)
	eventually(t, "question for the new blocks", func() bool { return wasAsked(peer, last) })
	startNats(t, address, options)
	d.awaitMessage("bus connection is back", seen)
	f.connects(15)
	f.at(chain)
	if d.count("adapter died") > 0 {
		t.Error("the adapter died with its bus")
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

func (d *daemon) hasSynced(height int) bool {
	for _, r := range d.lines() {
		if r.Msg == "synced" && r.Height == height {
			return true
		}
	}
	return false
}

// TestBusWithoutJetStream meets a server on which no journal can be kept.
func TestBusWithoutJetStream(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	startNats(t, address, server.Options{})
	d := startDaemon(t, t.TempDir(), "--network", "regtest", "--nats", "nats://"+address, "--connect", "127.0.0.72:1")
	waits, _ := d.awaitMessage("bus not reached", 0)
	if !strings.Contains(waits.Error, "no JetStream") {
		t.Errorf("the log says %s; want that there is no JetStream", waits.text)
	}
	if code := d.stop(); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

// TestBusRefuses starts the service on a bus that wants credentials.
func TestBusRefuses(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	startNats(t, address, server.Options{JetStream: true, StoreDir: t.TempDir(), Username: "u", Password: "p"})
	code, output := runOnce(t, daemonOptions{}, "run", "--network", "regtest", "--datadir", t.TempDir(), "--connect", "127.0.0.73:1", "--nats", "nats://"+address)
	checkRefusal(t, code, output, exitBus, []string{"connect to the bus", "Authorization Violation"})
}
