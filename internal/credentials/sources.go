package credentials

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// FileSuffix makes the name of a variable that holds the path of a file with the value: STRIPE_SECRET_KEY_FILE.
const FileSuffix = "_FILE"

const (
	// maxFile bounds the size of a file, in bytes.
	maxFile = 64 << 10
	// maxReads bounds how often everything is read at a time because it changed meanwhile.
	maxReads = 10
	// kubeletLink is the symbolic link by which the kubelet replaces all files of a volume at once.
	// See https://pkg.go.dev/k8s.io/kubernetes/pkg/volume/util#AtomicWriter.
	kubeletLink = "..data"
)

// Sources are where the values of some variables come from. Each one has at most one of three:
//
//	STRIPE_SECRET_KEY=rk_live_…            the variable
//	STRIPE_SECRET_KEY_FILE=/run/stripe     a file of its own
//	/etc/tollkeeper/credentials/STRIPE_…   a file of its name in the folder, such as a mounted Secret
type Sources struct {
	names     []string
	variables map[string]string // the values in the environment
	files     map[string]string // the paths of the files that FileSuffix names
	folder    string            // empty for none
	getenv    func(string) string
	texts     map[string]string // as Open read them
	unread    map[string]bool   // those that Open could not read
}

// Open reads the values of the variables called names from the environment, from files and from the folder, which may be empty for
// none. A source that is empty counts as none. It returns all errors at once; none holds a value. The Sources are usable nevertheless.
func Open(names []string, getenv func(string) string, folder string) (*Sources, error) {
	s := &Sources{
		names: names, variables: map[string]string{}, files: map[string]string{}, folder: folder, getenv: getenv, unread: map[string]bool{},
	}
	for _, name := range names {
		if value := getenv(name); value != "" {
			s.variables[name] = value
		}
		if path := getenv(name + FileSuffix); path != "" {
			s.files[name] = path
		}
	}
	var errs []error
	var folderErr error
	if folder != "" {
		if _, folderErr = os.ReadDir(folder); folderErr != nil {
			errs = append(errs, fmt.Errorf("--credentials-dir cannot be read: %w", folderErr))
		}
	}
	r, _ := s.read()
	for _, name := range names {
		errs = append(errs, r.problems[name])
		s.unread[name] = r.problems[name] != nil || folderErr != nil && r.texts[name] == ""
	}
	s.texts = r.texts
	return s, errors.Join(errs...)
}

// Get is the value of a variable as Open read it. Variables that Open was not asked for come from the environment.
func (s *Sources) Get(name string) string {
	if slices.Contains(s.names, name) {
		return s.texts[name]
	}
	return s.getenv(name)
}

// IsUnread reports whether the variable may have a value that Open could not read. Open has returned the error.
func (s *Sources) IsUnread(name string) bool { return s.unread[name] }

// HasFiles reports whether any value may come from a file, and change.
func (s *Sources) HasFiles() bool { return s.folder != "" || len(s.files) > 0 }

// reading is what the sources have at one time.
type reading struct {
	texts    map[string]string // no entry if there is no value, or none that can be read
	from     map[string]string // where the text comes from, for people
	problems map[string]error
}

// read reads all values. If the kubelet replaces the files meanwhile, it reads them again, so that no old one is mixed with new ones.
// isWhole is false if the files change too fast.
func (s *Sources) read() (r reading, isWhole bool) {
	for attempt := 1; ; attempt++ {
		before := s.links()
		r = reading{texts: map[string]string{}, from: map[string]string{}, problems: map[string]error{}}
		for _, name := range s.names {
			text, from, err := s.one(name)
			switch {
			case err != nil:
				r.problems[name] = err
			case text != "":
				r.texts[name], r.from[name] = text, from
			}
		}
		if isWhole = maps.Equal(before, s.links()); isWhole || attempt == maxReads {
			return r, isWhole
		}
	}
}

// links are where the links of the kubelet point to, by folder.
func (s *Sources) links() map[string]string {
	links := map[string]string{}
	for _, folder := range s.folders() {
		links[folder], _ = os.Readlink(filepath.Join(folder, kubeletLink))
	}
	return links
}

// folders are those in which files may change.
func (s *Sources) folders() []string {
	found := map[string]bool{}
	if s.folder != "" {
		found[s.folder] = true
	}
	for _, path := range s.files {
		found[filepath.Dir(path)] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// one reads one value. More than one source is an error: which one would win is no question to find out in production.
func (s *Sources) one(name string) (text, from string, err error) {
	var texts, sources []string
	add := func(text, source string) {
		if text != "" {
			texts, sources = append(texts, text), append(sources, source)
		}
	}
	add(s.variables[name], "the variable "+name)
	if path := s.files[name]; path != "" {
		text, err := readFile(path)
		if err == nil && text == "" {
			err = fmt.Errorf("%s is empty", path)
		}
		if err != nil {
			return "", "", fmt.Errorf("%s names a file that has no value: %w", name+FileSuffix, err)
		}
		add(text, "the file "+path+" ("+name+FileSuffix+")")
	}
	if s.folder != "" {
		path := filepath.Join(s.folder, name)
		text, err := readFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", "", fmt.Errorf("%s cannot be read from --credentials-dir: %w", name, err)
		}
		add(text, "the file "+path)
	}
	switch len(texts) {
	case 0:
		return "", "", nil
	case 1:
		return texts[0], sources[0], nil
	default:
		return "", "", fmt.Errorf("%s is set more than once, by %s: remove all but one", name, strings.Join(sources, " and by "))
	}
}

// readFile reads a file without the line break that most editors and `echo` end it with.
func readFile(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(content) > maxFile {
		return "", fmt.Errorf("%s is larger than %d KiB", path, maxFile>>10)
	}
	return strings.TrimRight(string(content), "\r\n"), nil
}

// strangers are the files of the folder that no variable is called after, such as one with a misspelled name.
func (s *Sources) strangers() []string {
	if s.folder == "" {
		return nil
	}
	entries, _ := os.ReadDir(s.folder)
	var found []string
	for _, entry := range entries {
		if name := entry.Name(); !strings.HasPrefix(name, ".") && !slices.Contains(s.names, name) {
			found = append(found, name)
		}
	}
	return found
}
