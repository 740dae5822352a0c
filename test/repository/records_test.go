package repository

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// The policy that lets a BillingEvent hold one record at most names every kind of record.
func TestThePolicyNamesEveryRecord(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "config/policy/billing_events.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for field := range reflect.TypeFor[v1alpha1.BillingEventSpec]().Fields() {
		if field.Type.Kind() != reflect.Pointer {
			continue
		}
		records++
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !strings.Contains(string(text), "has(object.spec."+name+")") {
			t.Errorf("the policy does not count the record %s", name)
		}
	}
	if records < 10 {
		t.Errorf("a BillingEvent can hold %d records", records)
	}
}
