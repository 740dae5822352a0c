package events

import (
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/projection"
)

func TestPriceUpdated(t *testing.T) {
	testRecorded(t, "price.updated", map[string]projection.Event{"2022-metadata": {}, "2026-metadata": {}})
}
