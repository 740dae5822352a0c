package doctor

import (
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/config"
)

func TestArchive(t *testing.T) {
	const keep = 45 * 24 * time.Hour
	written := map[string]string{"batch": "12", "events": "24000"}
	one := map[string]string{"batch": "1", "events": "1"}
	broken := map[string]string{"batch": "12", "events": "24000", "problem": "403 Forbidden"}
	altered := map[string]string{"batch": "twelve", "events": "24000"}
	of := func(keep time.Duration, url string) *config.Config {
		return &config.Config{EventRetention: keep, ArchiveURL: url}
	}
	is(t, "ok events leave the cluster after 45 days; the archive has 24000 events in 12 batches", judgeArchive(of(keep, "s3://trail"), written))
	is(t, "ok events leave the cluster after 45 days; the archive has 1 event in 1 batch", judgeArchive(of(keep, "s3://trail"), one))
	is(t, "fail the ConfigMap tollkeeper-archive does not hold the head of the archive", judgeArchive(of(keep, "s3://trail"), altered))
	is(t, "ok events leave the cluster after 45 days; the archive has 0 events in 0 batches", judgeArchive(of(keep, "s3://trail"), nil))
	is(t, "ok events are deleted after 45 days, without an archive", judgeArchive(of(keep, "none"), nil))
	is(t, "fail old events cannot be archived and deleted: 403 Forbidden", judgeArchive(of(keep, "s3://trail"), broken))
	is(t, "warn nothing is deleted, because no archive is set: etcd grows with the events", judgeArchive(of(keep, ""), nil))
	is(t, "warn events are kept for ever (--event-retention=0): etcd grows with them", judgeArchive(of(0, "s3://trail"), nil))
}
