package archive

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

const (
	eventsFolder   = "events/"
	personalFolder = "personal/"
	batchesFolder  = "batches/"
	// platform stands for the platform's own account in paths.
	platform = "platform"
)

// partition is the folder of an event's file, below events/ and personal/.
type partition struct {
	account  string // as in spec.account
	livemode bool
	day      string // of spec.created, UTC
}

func partitionOf(e *v1alpha1.BillingEvent) partition {
	return partition{account: e.Spec.Account, livemode: e.Spec.Livemode, day: e.Spec.Created.UTC().Format(time.DateOnly)}
}

func (p partition) path() string {
	mode := "test"
	if p.livemode {
		mode = "live"
	}
	return accountFolder(p.account) + "mode=" + mode + "/day=" + p.day + "/"
}

// accountFolder is the folder of an account's files, below events/ and personal/.
func accountFolder(account string) string { return "account=" + accountName(account) + "/" }

var plainAccount = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// accountName is an account's name in paths. Stripe's ids are plain. Of anything else the path has a hash.
func accountName(account string) string {
	switch {
	case account == "":
		return platform
	case plainAccount.MatchString(account):
		return account
	default:
		return "sha256-" + sha256Of([]byte(account))[:16]
	}
}

func manifestPath(batch int64) string { return fmt.Sprintf("%s%012d.json", batchesFolder, batch) }

// fileName is the name of a file of a batch: it has the first 16 digits of its hash, so that no two contents share a name.
func fileName(batch int64, sum string) string {
	return fmt.Sprintf("%012d-%s.jsonl.zst", batch, sum[:16])
}

// personalPath is where the personal data of an events file is.
func personalPath(eventsPath string) string {
	return personalFolder + strings.TrimPrefix(eventsPath, eventsFolder)
}

// eventsPath is the events file of a file of personal data, or the path itself.
func eventsPath(path string) string {
	if below, isPersonal := strings.CutPrefix(path, personalFolder); isPersonal {
		return eventsFolder + below
	}
	return path
}

// isOfArchive reports whether a path is in one of the archive's folders.
func isOfArchive(path string) bool {
	return strings.HasPrefix(path, eventsFolder) || strings.HasPrefix(path, personalFolder) || strings.HasPrefix(path, batchesFolder)
}

var nameForm = regexp.MustCompile(`^(?:events|personal)/account=[^/]+/mode=(?:live|test)/day=\d{4,}-\d\d-\d\d/(\d{12})-[0-9a-f]{16}\.jsonl\.zst$`)

// batchOf is the batch that a file of events or personal data belongs to, by its name.
func batchOf(path string) (batch int64, ok bool) {
	found := nameForm.FindStringSubmatch(path)
	if found == nil {
		return 0, false
	}
	batch, err := strconv.ParseInt(found[1], 10, 64)
	return batch, err == nil
}

// Problem is something wrong with the archive.
type Problem struct {
	// Batch is 0 if the file belongs to no batch.
	Batch int64 `json:"batch,omitempty"`
	// Path of the file.
	Path string `json:"path,omitempty"`
	// What is wrong with it.
	What string `json:"what"`
}

func (p Problem) Error() string {
	if p.Batch == 0 {
		return p.Path + " " + p.What
	}
	return fmt.Sprintf("batch %d: %s %s", p.Batch, p.Path, p.What)
}

func problem(batch int64, path, format string, args ...any) Problem {
	return Problem{Batch: batch, Path: path, What: fmt.Sprintf(format, args...)}
}
