package fuzz_test

import (
	"flag"
	"io"
	"testing"

	"blockgate/fuzz"
)

// blocksFolder holds the real blocks that are not in the repository, unpacked.
var blocksFolder = flag.String("blocks", "", "a folder of further .raw blocks that expected-more.jsonl names")

const testdata = "../testdata"

// corpus opens the repository's testdata.
func corpus(tb testing.TB) *fuzz.Corpus {
	tb.Helper()
	c, err := fuzz.Open(testdata, *blocksFolder)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// block returns the bytes of a block that is in the repository.
func block(tb testing.TB, c *fuzz.Corpus, file string) []byte {
	tb.Helper()
	body, err := c.Block(file)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// read returns the content of a file that is not packed.
func read(tb testing.TB, c *fuzz.Corpus, name string) []byte {
	tb.Helper()
	file, err := c.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = file.Close() })
	content, err := io.ReadAll(file)
	if err != nil {
		tb.Fatal(err)
	}
	return content
}
