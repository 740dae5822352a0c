package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// cleanUp removes the folder. After a failed run it keeps the logs, prints the last lines of the managers' logs, and
// prints the command that repeats the run.
func cleanUp(folder string, opts options, failed bool) error {
	if !failed && !opts.keep {
		return os.RemoveAll(folder)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		path := filepath.Join(folder, entry.Name())
		switch {
		case filepath.Ext(path) != ".log":
			errs = append(errs, os.RemoveAll(path))
		case failed && !strings.HasSuffix(path, etcdName+".log") && !strings.HasSuffix(path, apiserverName+".log"):
			errs = append(errs, printTail(path))
		}
	}
	if failed {
		fmt.Printf("To repeat this run: %s\n", opts.repeatCommand())
	}
	fmt.Printf("The logs are in %s.\n", folder)
	return errors.Join(errs...)
}

// printTail prints the last lines of a manager's log. In CI the folder itself cannot be read afterwards.
func printTail(path string) error {
	const most, width = 25, 500
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	all := lines(string(text))
	fmt.Printf("--- last lines of %s\n", filepath.Base(path))
	for _, line := range all[max(0, len(all)-most):] {
		if len(line) > width {
			line = strings.ToValidUTF8(line[:width], "") + "…"
		}
		fmt.Println(line)
	}
	return nil
}
