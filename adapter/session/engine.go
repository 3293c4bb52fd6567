package session

import (
	"net/netip"
	"strconv"
	"time"

	"github.com/btcsuite/btcd/chaincfg/v2"
	"github.com/btcsuite/btcd/chainhash/v2"
	"github.com/btcsuite/btcd/peer"
	"github.com/btcsuite/btcd/wire/v2"

	"blockgate/adapter/link"
	"blockgate/internal/btc"
)

// newEngine returns a btcd/peer that tells s what it reads. It does not know where the
// peer is: the version message names no address, so that it is the same by a proxy.
func newEngine(s *Session) *peer.Peer {
	addr := netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	magic := wire.BitcoinNet(s.cfg.Params.Magic)
	p, err := peer.NewOutboundPeer(&peer.Config{
		NewestBlock: func() (*chainhash.Hash, int32, error) {
			return &chainhash.Hash{}, s.startHeight(), nil
		},
		HostToNetAddress: func(string, uint16, wire.ServiceFlag) (*wire.NetAddressV2, error) {
			return wire.NetAddressV2FromBytes(time.Time{}, 0, addr.Addr().AsSlice(), addr.Port()), nil
		},
		UserAgentName:       "blockgate", // link writes the whole user agent anew
		UserAgentVersion:    "0",
		ChainParams:         &chaincfg.Params{Name: s.cfg.Params.Network.String(), Net: magic},
		Services:            s.services(),
		DisableRelayTx:      !s.cfg.Purpose.Relay(),
		DisableStallHandler: true,
		Listeners:           s.listeners(),
	}, addr.String())
	if err != nil {
		panic(err) // only for an address without port, and ours has one
	}
	return p
}

func (s *Session) listeners() peer.MessageListeners {
	return peer.MessageListeners{
		OnVersion:  func(_ *peer.Peer, m *wire.MsgVersion) *wire.MsgReject { return s.versionReceived(m) },
		OnVerAck:   func(*peer.Peer, *wire.MsgVerAck) { s.verackReceived() },
		OnHeaders:  func(_ *peer.Peer, m *wire.MsgHeaders) { s.headersReceived(m) },
		OnInv:      func(_ *peer.Peer, m *wire.MsgInv) { s.invReceived(m) },
		OnNotFound: func(_ *peer.Peer, m *wire.MsgNotFound) { s.notFoundReceived(m) },
		OnPong:     func(_ *peer.Peer, m *wire.MsgPong) { s.pongReceived(m.Nonce) },
		OnRead:     func(_ *peer.Peer, _ int, _ wire.Message, err error) { s.decodeFailed(err) },
	}
}

// versionReceived checks what the peer claims. Claims are hints: who lies here
// is found out by what it does not deliver.
func (s *Session) versionReceived(m *wire.MsgVersion) *wire.MsgReject {
	s.claim = Ready{
		Services:    uint64(m.Services),
		Version:     uint32(m.ProtocolVersion),
		StartHeight: m.LastBlock,
		UserAgent:   escape(m.UserAgent),
		Relay:       !m.DisableRelayTx,
		Encrypted:   s.claim.Encrypted,
	}
	switch {
	case m.ProtocolVersion < MinVersion:
		s.link.End(link.ReasonOldVersion, strconv.Itoa(int(m.ProtocolVersion))+", at least "+strconv.Itoa(MinVersion))
	case m.Services&RequiredServices != RequiredServices:
		s.link.End(link.ReasonMissingServices, "services 0x"+strconv.FormatUint(uint64(m.Services), 16))
	}
	return nil
}

// verackReceived opens the session. Our own verack is out by then, so sendheaders
// may follow it (BIP-0130).
func (s *Session) verackReceived() {
	close(s.ready)
	if s.cfg.Brief || s.cfg.Purpose != 0 || s.request("sendheaders", nil) == nil {
		s.emit(s.claim)
	}
}

func (s *Session) headersReceived(m *wire.MsgHeaders) {
	headers := make([]btc.Header, 0, len(m.Headers))
	for _, h := range m.Headers {
		headers = append(headers, headerOf(h))
	}
	s.emit(Headers{headers})
}

func (s *Session) invReceived(m *wire.MsgInv) {
	if hashes := blocksOf(m.InvList); len(hashes) > 0 {
		s.emit(BlockInv{hashes})
	}
}

// notFoundReceived also sees the empty message that link puts in place of a
// block; it means nothing.
func (s *Session) notFoundReceived(m *wire.MsgNotFound) {
	var missing []btc.Hash
	for _, h := range blocksOf(m.InvList) {
		if s.asked.answered(h) {
			missing = append(missing, h)
		}
	}
	if len(missing) > 0 {
		s.emit(NotFound{missing})
	}
}

// decodeFailed ends the session when btcd could not decode a message, also where
// btcd would go on (it does on regtest with 127.0.0.1). It hears of the EOF after
// the end, too, which changes nothing.
func (s *Session) decodeFailed(err error) {
	if err != nil {
		s.link.End(link.ReasonMalformed, "decode: "+err.Error())
	}
}

// escape returns a peer's text in printable ASCII, at most maxUserAgent bytes.
func escape(s string) string {
	quoted := strconv.QuoteToASCII(s[:min(len(s), maxUserAgent)])
	escaped := quoted[1 : len(quoted)-1]
	return escaped[:min(len(escaped), maxUserAgent)]
}
