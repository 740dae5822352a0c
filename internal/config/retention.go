package config

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"time"
)

// ArchiveNone is the value of --archive-url that has events deleted without an archive.
const ArchiveNone = "none"

// minEventRetention is a day more than Stripe lists events, and sends them again on request: the BillingEvent is what shows that an
// event is known. See https://docs.stripe.com/api/events.
const minEventRetention = 31 * 24 * time.Hour

// archiveSchemes are those of the URLs that package archive opens. A folder has a path, a bucket a name.
var archiveSchemes = []string{"file", "s3", "gs", "azblob"}

// DeletesEvents reports whether old events are deleted from the cluster.
func (c *Config) DeletesEvents() bool { return c.EventRetention > 0 && c.ArchiveURL != "" }

// eventRetention validates --event-retention.
func (c *Config) eventRetention() error {
	if c.EventRetention == 0 || c.EventRetention >= minEventRetention {
		return nil
	}
	return fmt.Errorf("--event-retention is %s: want at least %s, or 0 to keep events for ever. Stripe may send an event again for 30 days, and by "+
		"the stored one it is known", c.EventRetention, minEventRetention)
}

// archiveURL validates the form of --archive-url. Whether the archive can be opened shows later: that must not stop the receiver.
// The error does not repeat the value, which may have a password in it by mistake.
func archiveURL(value string) error {
	if value == "" || value == ArchiveNone {
		return nil
	}
	u, err := url.Parse(value)
	switch {
	case err != nil || !slices.Contains(archiveSchemes, u.Scheme):
		return errors.New("--archive-url is not a URL of an archive: want file:///folder, s3://bucket, gs://bucket or azblob://container, " +
			"or none to delete events without an archive")
	case u.User != nil:
		return errors.New("--archive-url has a user or password: remove it. The credentials come from the environment or the pod's identity")
	case u.Scheme == "file" && (u.Host != "" || !path.IsAbs(u.Path) || path.Clean(u.Path) == "/" || u.RawQuery != ""):
		return errors.New("--archive-url is not the URL of a folder: want three slashes and its path, such as file:///var/lib/tollkeeper/archive")
	case u.Scheme != "file" && u.Hostname() == "":
		return fmt.Errorf("--archive-url names no bucket: want %s://BUCKET", u.Scheme)
	case u.Fragment != "":
		return errors.New("--archive-url has a fragment (#…): remove it")
	default:
		return nil
	}
}
