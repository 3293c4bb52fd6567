package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

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

// TestBusWithTLS connects to a bus whose certificate an authority of the system
// signed: the confined adapter believes it, and no other.
func TestBusWithTLS(t *testing.T) {
	t.Parallel()
	chain := regtest(t, 77, 3)
	peer := listen(t, 77, chain, fakepeer.Script{})
	authority, certificate := signedCertificate(t)
	for _, known := range []bool{true, false} {
		address, options := freeAddress(t), daemonOptions{}
		startNats(t, address, server.Options{
			JetStream: true, StoreDir: t.TempDir(), TLS: true, TLSTimeout: patience.Seconds(),
			TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
		})
		if known {
			options.env = []string{"SSL_CERT_FILE=" + authority}
		}
		d := startDaemonWith(t, options, t.TempDir(), append(connectTo(peer), "--network", "regtest", "--nats", "tls://"+address)...)
		if known {
			d.await("tip", 0, func(r record) bool { return r.Msg == "synced" && r.Height == 3 })
			continue
		}
		if waits, _ := d.awaitMessage("bus not reached", 0); !strings.Contains(waits.Error, "certificate") {
			t.Errorf("the log says %s; want that the certificate is not believed", waits.text)
		}
	}
}

// signedCertificate makes an authority, in a file, and a certificate of it for
// 127.0.0.1.
func signedCertificate(t *testing.T) (authority string, certificate tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Unix(0, 0), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	authority = filepath.Join(t.TempDir(), "authority.pem")
	write(t, authority, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return authority, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
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
