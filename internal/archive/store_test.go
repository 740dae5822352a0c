package archive

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"gocloud.dev/blob/azureblob"
)

// An error of a bucket that is not reached does not show the signature in the URL's query, which gives access to it.
func TestErrorsHideSignatures(t *testing.T) {
	t.Setenv("AZURE_STORAGE_ACCOUNT", "acme")
	t.Setenv("AZURE_STORAGE_SAS_TOKEN", "sv=2024-05-04&sig=c2VjcmV0")
	service, err := azureblob.NewServiceURL(azureblob.NewDefaultServiceURLOptions())
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, string(service), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: failing{}}
	_, err = client.Do(request) //nolint:bodyclose // there is no answer
	if !strings.Contains(err.Error(), "c2VjcmV0") {
		t.Fatalf("the error proves nothing: %v", err)
	}
	err = explain("batches/1.json", err)
	if strings.Contains(err.Error(), "c2VjcmV0") || !strings.Contains(err.Error(), "acme.blob") || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

type failing struct{}

func (failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded }
