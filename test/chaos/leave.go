package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// leave clears the folder up. Of a run that went wrong it keeps the logs, shows how the managers' end, and says how to do it again.
func leave(folder string, opts options, wrong bool) error {
	if !wrong && !opts.keep {
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
		case wrong && entry.Name() != "etcd.log" && entry.Name() != "kube-apiserver.log":
			errs = append(errs, showEnd(path))
		}
	}
	if wrong {
		fmt.Printf("The same faults again: %s\n", opts.again())
	}
	fmt.Printf("The logs are in %s.\n", folder)
	return errors.Join(errs...)
}

// showEnd prints the last lines of a manager's log, for where nobody can look into the folder.
func showEnd(path string) error {
	const most, width = 25, 500
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	all := lines(string(text))
	fmt.Printf("--- the end of %s\n", filepath.Base(path))
	for _, line := range all[max(0, len(all)-most):] {
		if len(line) > width {
			line = strings.ToValidUTF8(line[:width], "") + "…"
		}
		fmt.Println(line)
	}
	return nil
}
