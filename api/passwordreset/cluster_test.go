package passwordreset

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A pod consumes a link of each kind with its service account alone. What it sends is what the API server expects.
func TestInCluster(t *testing.T) {
	reset, token, secret, oldToken := objects()
	secret.SetNamespace("n")
	secret.SetName(ObjectName(customer))
	const resetPath = "/apis/billing.tollkeeper.dev/v1alpha1/namespaces/n/passwordresets/cus-ada-77e243c3-password-reset"
	const secretPath = "/api/v1/namespaces/n/secrets/cus-ada-77e243c3-password-reset"
	var requests []string
	api := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests = append(requests, r.Method+" "+r.URL.Path)
		if r.Header.Get("Authorization") != "Bearer secret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPut && !strings.Contains(string(body), `"kind":`) {
			t.Errorf("an object without its kind: %s", body)
		}
		switch {
		case r.Method == http.MethodPut:
			_, _ = w.Write(body)
		case r.URL.Path == resetPath:
			_ = json.NewEncoder(w).Encode(reset)
		case r.URL.Path == secretPath:
			_ = json.NewEncoder(w).Encode(secret)
		}
	}))
	defer api.Close()
	folder := t.TempDir()
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: api.Certificate().Raw})
	if err := errors.Join(os.WriteFile(filepath.Join(folder, "ca.crt"), authority, 0o600),
		os.WriteFile(filepath.Join(folder, "token"), []byte("secret\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := inCluster(api.URL, folder)
	if err != nil {
		t.Fatal(err)
	}
	for what, presented := range map[string]string{"the link": token, "the old link": oldToken} {
		requests = nil
		got, err := Consume(t.Context(), c, "n", presented, now)
		if err != nil || got.CustomerID != "cus_Ada" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
		want := []string{"GET " + resetPath, "PUT " + resetPath + "/status"}
		if presented == oldToken {
			want = []string{"GET " + resetPath, "GET " + secretPath, "PUT " + secretPath}
		}
		if diff := cmp.Diff(want, requests); diff != "" {
			t.Errorf("%s: requests (-want +got):\n%s", what, diff)
		}
	}
	if err := os.Remove(filepath.Join(folder, "token")); err != nil {
		t.Fatal(err)
	}
	if _, err := Consume(t.Context(), c, "n", token, now); err == nil {
		t.Error("a pod without a token is no error")
	}
}

// The error of an answer is the API server's own. An answer of another sender is an error too, and no missing object.
func TestAnswersOfTheServer(t *testing.T) {
	status := func(reason string) string {
		return `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"` + reason + `"}`
	}
	for name, tc := range map[string]struct {
		code int
		body string
		is   func(error) bool
	}{
		"an object":             {200, `{"metadata":{"name":"x"}}`, func(err error) bool { return err == nil }},
		"no object":             {404, status("NotFound"), apierrors.IsNotFound},
		"a conflict":            {409, status("Conflict"), apierrors.IsConflict},
		"no right":              {403, status("Forbidden"), apierrors.IsForbidden},
		"no such kind":          {404, "404 page not found\n", meta.IsNoMatchError},
		"a proxy's answer":      {502, "<html>", func(err error) bool { return err != nil && apierrors.ReasonForError(err) == "" }},
		"a 200 that is no JSON": {200, "<html>", func(err error) bool { return err != nil }},
	} {
		t.Run(name, func(t *testing.T) {
			api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tc.code)
				_, _ = w.Write([]byte(tc.body))
			}))
			defer api.Close()
			err := NewCluster(api.Client(), api.URL+"/").Get(t.Context(), types.NamespacedName{Namespace: "n", Name: "x"}, &v1alpha1.PasswordReset{})
			if !tc.is(err) {
				t.Errorf("the error is %v", err)
			}
		})
	}
	late, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	if err := NewCluster(http.DefaultClient, "127.0.0.1:1").Get(late, types.NamespacedName{}, &v1alpha1.PasswordReset{}); err == nil {
		t.Error("a server that is away is no error")
	}
}
