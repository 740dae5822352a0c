package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/controlplane"
)

// fence matches a block of code of a page: its language and its text.
var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// elsewhere matches commands that do not work on the demo while it runs: those that start it, and those that need a Stripe
// account.
var elsewhere = regexp.MustCompile(`(?m)^(.*=\S+ )?make |stripe listen`)

// followPage runs the commands of the page, if there is one.
func (s *stage) followPage(ctx context.Context, page string, write bool) error {
	if page == "" {
		return nil
	}
	fmt.Printf("\nFollowing %s\n", page)
	begin := time.Now()
	blocks, err := follow(ctx, filepath.Join(controlplane.Root(), page), environmentFile, write)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", page, err)
	case blocks == 0:
		return fmt.Errorf("%s has no command that works on the demo", page)
	}
	fmt.Printf("   ✓ %d blocks of commands in %s\n", blocks, time.Since(begin).Round(time.Second))
	return nil
}

// follow runs each block in the language sh as one script. The block behind it, if it has no language, is what the script
// prints: follow compares the two, or writes it. Each script sources the environment's file first. It returns how many blocks
// it has run.
func follow(ctx context.Context, path, environment string, write bool) (blocks int, err error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	var out strings.Builder
	var errs []error
	printed, isPrinted, end := "", false, 0
	for _, at := range fence.FindAllSubmatchIndex(page, -1) {
		language, text := string(page[at[2]:at[3]]), string(page[at[4]:at[5]])
		switch {
		case language == "sh" && !elsewhere.MatchString(text):
			blocks++
			printed, err = script(ctx, environment, text)
			isPrinted = err == nil
			errs = append(errs, err)
		case language == "" && isPrinted:
			if err := compare(text, printed); err != nil && !write {
				errs = append(errs, err)
			}
			out.Write(page[end:at[4]])
			out.WriteString(printed)
			end, isPrinted = at[5], false
		default:
			isPrinted = false
		}
	}
	if write {
		out.Write(page[end:])
		errs = append(errs, os.WriteFile(path, []byte(out.String()), 0o644))
	}
	return blocks, errors.Join(errs...)
}

// script runs commands as a reader of the page would, and returns what they print.
func script(ctx context.Context, environment, text string) (string, error) {
	command := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", "source "+environment+"\n"+text)
	command.Dir = controlplane.Root()
	out, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("these commands fail: %w\n%s\nThey print:\n%s", err, text, out)
	}
	return trailing.ReplaceAllString(string(out), "\n"), nil
}

var (
	trailing = regexp.MustCompile(`[ \t]+\n`)
	ages     = regexp.MustCompile(`\b(\d+(d|h|m|s|ms))+\b`)
	months   = regexp.MustCompile(`\b(January|February|March|April|May|June|July|August|September|October|November|December)\b`)
	numbers  = regexp.MustCompile(`\d+`)
	blanks   = regexp.MustCompile(`\s+`) // also line breaks: a longer number moves a word to the next line
)

// compare compares what a page shows with what its commands print, apart from ages, times and other numbers.
func compare(shown, printed string) error {
	if timeless(shown) == timeless(printed) {
		return nil
	}
	return fmt.Errorf("the page shows:\n%s\nThe commands print (`make tutorial WRITE=1` writes it):\n%s", shown, printed)
}

func timeless(text string) string {
	text = ages.ReplaceAllString(strings.ReplaceAll(text, "just now", "0s ago"), "0s")
	text = months.ReplaceAllString(text, "May")
	return blanks.ReplaceAllString(numbers.ReplaceAllString(text, "0"), " ")
}
