package main

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/nats-io/nkeys"

	"blockgate/bus/jetstream"
)

// readCredentials looks at what --creds names: a file with the seed of a user
// nkey, which is read now, or one with JWT credentials, which is read again at
// each connection. No path is no credentials.
func readCredentials(path string) (jetstream.Credentials, error) {
	var none jetstream.Credentials
	if path == "" {
		return none, nil
	}
	content, err := readSmallFile(path)
	if err != nil {
		return none, usagef("--creds: %w", err)
	}
	line := bytes.TrimSpace(content)
	if _, err := nkeys.FromSeed(line); err == nil {
		return jetstream.Credentials{NKeySeed: line}, nil
	}
	if !bytes.Contains(content, []byte("BEGIN NATS USER JWT")) {
		return none, usagef("--creds %s: neither the seed of a user nkey (SU...) nor a file of JWT credentials", path)
	}
	absolute, err := filepath.Abs(path)
	return jetstream.Credentials{CredsFile: absolute}, err
}

// key is a fresh user nkey.
type key struct{ seed, public string }

func newKey() (key, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return key{}, fmt.Errorf("make a key: %w", err)
	}
	defer pair.Wipe()
	seed, err := pair.Seed()
	if err != nil {
		return key{}, fmt.Errorf("make a key: %w", err)
	}
	public, err := pair.PublicKey()
	return key{string(seed), public}, err
}
