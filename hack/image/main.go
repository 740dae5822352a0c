// Command image writes the operator's container image as an OCI layout, and an SBOM for each platform. The image
// contains the binary and nothing else, so no base image, builder or scanner is involved that a tag could replace, and
// the same binaries always give the same digest.
//
// See https://github.com/opencontainers/image-spec/blob/main/image-layout.md.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// release is what the image and the SBOMs say about themselves.
type release struct {
	version, revision string
	created           time.Time
}

// maxSize is what a node may have to download for one platform, in bytes: a dependency that is large is noticed here.
const maxSize = 60_000_000

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "image: %v\n", err)
		os.Exit(1)
	}
}

// run writes image/ and the SBOMs into the folder that the flag names. Each argument is an architecture and its binary:
// amd64=bin/manager-linux-amd64.
func run(args []string) error {
	var r release
	var epoch int64
	flags := flag.NewFlagSet("image", flag.ContinueOnError)
	out := flags.String("out", "dist", "folder for image/ and sbom-<architecture>.spdx.json")
	flags.StringVar(&r.version, "version", "devel", "version of the operator")
	flags.StringVar(&r.revision, "revision", "", "commit that the binaries were built from")
	flags.Int64Var(&epoch, "created", 0, "time of that commit, in seconds since 1970")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r.created = time.Unix(epoch, 0).UTC()
	image := filepath.Join(*out, "image")
	if err := os.RemoveAll(image); err != nil { // no blob of an earlier image stays
		return err
	}
	l := layout{folder: image, limit: maxSize}
	for _, arg := range flags.Args() {
		arch, binary, _ := strings.Cut(arg, "=")
		if err := l.add(r, arch, binary); err != nil {
			return fmt.Errorf("image of %s: %w", arg, err)
		}
		if err := writeSBOM(r, filepath.Join(*out, "sbom-"+arch+".spdx.json"), arch, binary); err != nil {
			return fmt.Errorf("SBOM of %s: %w", arg, err)
		}
	}
	digest, err := l.finish()
	if err == nil {
		fmt.Println(digest)
	}
	return err
}
