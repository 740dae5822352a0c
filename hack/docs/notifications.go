package main

import (
	"bytes"
	"encoding/json"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/notice"
)

// wholeFile shows a file.
func wholeFile(path, language string) func() (string, error) {
	return func() (string, error) {
		content, err := os.ReadFile(path)
		return "```" + language + "\n" + string(content) + "```\n", err
	}
}

// notificationExample is what the sink gets when a payment fails.
func notificationExample() (string, error) {
	since := time.Date(2026, 2, 10, 12, 0, 0, 0, time.UTC)
	changed := time.Date(2026, 3, 10, 12, 0, 3, 141592000, time.UTC)
	c := &v1alpha1.Customer{
		ObjectMeta: metav1.ObjectMeta{Namespace: "tollkeeper-system", Name: v1alpha1.ObjectName("", "cus_Ada"), UID: "6f1c0a52-7c7e-4f0e-9a6c-0d7c6a1f4b11"},
		Spec:       v1alpha1.CustomerSpec{CustomerID: "cus_Ada"},
		Status: v1alpha1.CustomerStatus{
			Livemode: new(true), Plan: "pro", Plans: []string{"pro"}, AccessUntil: new(metav1.NewTime(changed.AddDate(0, 0, 7).Truncate(time.Second))),
			Entitlements: map[string]v1alpha1.Value{"seats": "5"}, Metadata: map[string]v1alpha1.Value{"tenant": "acme"},
			ChangedAt:  new(metav1.NewMicroTime(changed)),
			Conditions: []metav1.Condition{{Type: v1alpha1.ConditionEntitled, Status: "True", Reason: v1alpha1.ReasonGracePeriod, LastTransitionTime: metav1.NewTime(since)}},
		},
	}
	body, err := notice.Encode(c)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, body, "", "  "); err != nil {
		return "", err
	}
	return "```json\n" + out.String() + "\n```\n", nil
}
