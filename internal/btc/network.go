package btc

import (
	"fmt"
	"strings"
)

// Network names one of Bitcoin's networks. The zero Network is none.
type Network uint8

// The networks, in the order of the help text.
const (
	Mainnet Network = iota + 1
	Testnet3
	Testnet4
	Signet
	Regtest
)

var networkNames = [...]string{ //nolint:gochecknoglobals // a table, never written
	Mainnet: "mainnet", Testnet3: "testnet3", Testnet4: "testnet4", Signet: "signet", Regtest: "regtest",
}

// Networks returns all networks.
func Networks() []Network { return []Network{Mainnet, Testnet3, Testnet4, Signet, Regtest} }

// ParseNetwork reads a network's name.
func ParseNetwork(s string) (Network, error) {
	for _, n := range Networks() {
		if networkNames[n] == s {
			return n, nil
		}
	}
	return 0, fmt.Errorf("unknown network %.40q: want %s", s, strings.Join(networkNames[1:], ", "))
}

// Valid reports whether n is one of the networks.
func (n Network) Valid() bool { return n >= Mainnet && n <= Regtest }

// String returns the name, as in the --network flag and on the bus.
func (n Network) String() string {
	if !n.Valid() {
		return fmt.Sprintf("network(%d)", uint8(n))
	}
	return networkNames[n]
}

// MarshalText returns the name.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads the name.
func (n *Network) UnmarshalText(text []byte) error {
	parsed, err := ParseNetwork(string(text))
	if err != nil {
		return err
	}
	*n = parsed
	return nil
}
