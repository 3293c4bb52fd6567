package dialer

import "time"

const (
	// DirectTimeout is how long one TCP connection may take to come about.
	//
	// Source: DEFAULT_CONNECT_TIMEOUT is 5 s, Bitcoin Core v30.0 src/netbase.h; twice
	// that for slow lines.
	DirectTimeout = 10 * time.Second
	// ProxyTimeout is how long a proxy may take for all of its answers together: it
	// builds a circuit meanwhile. With both transports tried, 30 + 15 + 30 s, a dial ends
	// before the brain gives it up after 2 minutes.
	//
	// Source: SOCKS5_RECV_TIMEOUT is 20 s for each answer, Bitcoin Core v30.0
	// src/netbase.cpp.
	ProxyTimeout = 30 * time.Second
	// proxyBrake is how long a dial lasts at least that does not reach the proxy.
	proxyBrake = 2 * time.Second
	// tokenSize is how many random bytes are in each half of an isolation token.
	tokenSize = 16
	// maxHost is the longest name that a SOCKS5 request can carry, in bytes (RFC 1928).
	maxHost = 255
)
