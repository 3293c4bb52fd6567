module blockgate

go 1.26.0

require (
	github.com/btcsuite/btcd v0.26.2 // The peer protocol (package peer); its node is the other side in tests.
	github.com/btcsuite/btcd/btcec/v2 v2.5.0 // ElligatorSwift key exchange of the v2 transport (BIP-0324).
	github.com/btcsuite/btcd/btcutil/v2 v2.0.1 // indirect; Tests: blocks and addresses of the oracle.
	github.com/btcsuite/btcd/chaincfg/v2 v2.0.0 // Network parameters that package peer wants.
	github.com/btcsuite/btcd/chainhash/v2 v2.0.0 // Hashes as package peer spells them.
	github.com/btcsuite/btcd/txscript/v2 v2.0.0 // Tests: the script engine is the oracle of signet solutions.
	github.com/btcsuite/btcd/v2transport v1.1.0 // Tests: the other side of the v2 transport.
	github.com/btcsuite/btcd/wire/v2 v2.0.1 // Messages as package peer spells them; no block is decoded by it.
	github.com/cockroachdb/datadriven v1.0.3 // Tests: transcripts in text files.
	github.com/decred/dcrd/dcrec/secp256k1/v4 v4.4.0 // Signatures of signet blocks (BIP-0325).
	github.com/landlock-lsm/go-landlock v0.11.0 // Landlock, one layer of the sandbox.
	github.com/nats-io/nats-server/v2 v2.15.2 // The bundled broker.
	github.com/nats-io/nats.go v1.55.0 // The client of the bus, JetStream with it.
	github.com/nats-io/nkeys v0.4.17 // Keys of the bus: publisher, reader, admin.
	github.com/prometheus/client_golang v1.23.2 // Metrics, as Prometheus asks for them.
	github.com/rogpeppe/go-internal v1.16.0 // Tests: scripts of the command line (testscript).
	github.com/spf13/cobra v1.10.2 // The command line: help, flags, completion.
	github.com/spf13/pflag v1.0.9 // Values of flags, as cobra has them.
	golang.org/x/crypto v0.58.0 // ChaCha20 and Poly1305 of the v2 transport (BIP-0324).
	golang.org/x/net v0.62.0 // SOCKS5 (package proxy); tests: package bpf runs the seccomp filter without a kernel.
	golang.org/x/sys v0.49.0 // System calls that package syscall does not have.
	pgregory.net/rapid v1.3.0 // Tests: properties against slow models.
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/btcsuite/btcd/address/v2 v2.0.0 // indirect
	github.com/btcsuite/btclog v1.0.0 // indirect
	github.com/btcsuite/go-socks v0.0.0-20170105172521-4720035b7bfd // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/davecgh/go-spew v1.1.1 // indirect
	github.com/decred/dcrd/crypto/blake256 v1.1.0 // indirect
	github.com/decred/dcrd/lru v1.1.3 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/inconshreveable/mousetrap v1.1.0 // indirect
	github.com/kcalvinalvin/anet v0.0.0-20251112173137-d8ddc1f6dbee // indirect
	github.com/klauspost/compress v1.20.3 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/pmezard/go-difflib v1.0.0 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.66.1 // indirect
	github.com/prometheus/procfs v0.16.1 // indirect
	go.yaml.in/yaml/v2 v2.4.2 // indirect
	golang.org/x/time v0.16.0 // indirect
	golang.org/x/tools v0.42.0 // indirect
	google.golang.org/protobuf v1.36.8 // indirect
	kernel.org/pub/linux/libs/security/libcap/psx v1.2.77 // indirect
)
