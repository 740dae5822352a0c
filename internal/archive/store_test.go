package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"
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

// failed is a bucket whose requests fail. gocloud.dev makes the code of the error.
type failed struct {
	driver.Bucket
	err  error
	code gcerrors.ErrorCode
}

func (f failed) Delete(context.Context, string, *driver.DeleteOptions) error { return f.err }
func (f failed) NewRangeReader(context.Context, string, int64, int64, *driver.ReaderOptions) (driver.Reader, error) {
	return nil, f.err
}
func (f failed) ListPaged(context.Context, *driver.ListOptions) (*driver.ListPage, error) {
	return nil, f.err
}
func (f failed) ErrorCode(error) gcerrors.ErrorCode { return f.code }
func (f failed) ErrorAs(error, any) bool            { return false }
func (f failed) Close() error                       { return nil }

// Only a store's own code that the object is not there counts as one, whatever gocloud.dev makes of the others. No list decides here.
func TestExplain(t *testing.T) {
	noHost := &net.DNSError{Err: "no such host", Name: "acme.blob.core.windows.net", IsNotFound: true}
	for name, tc := range map[string]struct {
		err  error
		code gcerrors.ErrorCode
		want error // nil: none of these
	}{
		"Google, a read":            {storage.ErrObjectNotExist, gcerrors.NotFound, nil},
		"Google":                    {&googleapi.Error{Code: http.StatusNotFound}, gcerrors.NotFound, nil},
		"Google, denied":            {&googleapi.Error{Code: http.StatusForbidden}, gcerrors.NotFound, errDenied},
		"Google, exists":            {&googleapi.Error{Code: http.StatusPreconditionFailed}, gcerrors.FailedPrecondition, errExists},
		"Google, too many requests": {&googleapi.Error{Code: http.StatusTooManyRequests}, gcerrors.ResourceExhausted, nil},
		"Azure":                     {&azcore.ResponseError{StatusCode: 404, ErrorCode: "BlobNotFound"}, gcerrors.NotFound, errNotFound},
		"Azure, no container":       {&azcore.ResponseError{StatusCode: 404, ErrorCode: "ContainerNotFound"}, gcerrors.NotFound, errNoBucket},
		"Azure, a proxy":            {&azcore.ResponseError{StatusCode: 404}, gcerrors.NotFound, nil},
		"Azure, denied":             {&azcore.ResponseError{StatusCode: 403, ErrorCode: "AuthorizationFailure"}, gcerrors.Unknown, errDenied},
		"Azure, locked":             {&azcore.ResponseError{StatusCode: 409, ErrorCode: "BlobImmutableDueToPolicy"}, gcerrors.Unknown, nil},
		"Azure, no host":            {&url.Error{Op: "Get", URL: "https://acme.blob.core.windows.net", Err: noHost}, gcerrors.NotFound, nil},
		"no host":                   {noHost, gcerrors.NotFound, nil},
		"Amazon":                    {&smithy.GenericAPIError{Code: "NoSuchKey"}, gcerrors.NotFound, errNotFound},
		"Amazon, no bucket":         {&smithy.GenericAPIError{Code: "NoSuchBucket"}, gcerrors.NotFound, errNoBucket},
		"Amazon, denied":            {&smithy.GenericAPIError{Code: "AccessDenied"}, gcerrors.PermissionDenied, errDenied},
		"Amazon, another tier":      {&smithy.GenericAPIError{Code: "ObjectNotInActiveTierError"}, gcerrors.NotFound, nil},
		"anything":                  {io.ErrUnexpectedEOF, gcerrors.Unknown, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := blob.NewBucket(failed{err: fmt.Errorf("a driver: %w", tc.err), code: tc.code})
			t.Cleanup(func() { _ = b.Close() })
			err := explain("personal/x", b.Delete(t.Context(), "personal/x"))
			for _, one := range meanings {
				if errors.Is(err, one) != (one == tc.want) { //nolint:errorlint // which one it is
					t.Errorf("%v", err)
				}
			}
			if isGone := (bucket{b}).remove(t.Context(), "personal/x") == nil; isGone != errors.Is(tc.want, errNotFound) {
				t.Errorf("taken for deleted: %t", isGone)
			}
		})
	}
}

// answers are what a server gives to each request, and what reading, deleting and listing come to with each driver.
type answers struct {
	scheme             string
	status             int
	code, text         string
	listed             string // what a list is answered with, if that is not the same
	read, remove, list error  // nil: no error; errAny: none of these
}

func answersOfServers() map[string]answers {
	const html = "<html><p>No such object: archive/x, the specified bucket does not exist</html>"
	xml := func(code string) string {
		return "<Error><Code>" + code + "</Code><Message>" + code + "</Message></Error>"
	}
	json := func(code int, text string) string {
		return fmt.Sprintf(`{"error":{"code":%d,"message":%q}}`, code, text)
	}
	noBucket, noObject := json(404, "The specified bucket does not exist."), json(404, "No such object: archive/personal/x")
	return map[string]answers{
		"Amazon, no object": {"s3", 404, "NoSuchKey", xml("NoSuchKey"), "", errNotFound, nil, errNotFound},
		"Amazon, no bucket": {"s3", 404, "NoSuchBucket", xml("NoSuchBucket"), "", errNoBucket, errAny, errNoBucket},
		"Amazon, denied":    {"s3", 403, "AccessDenied", xml("AccessDenied"), "", errDenied, errDenied, errDenied},
		"Amazon, a proxy":   {"s3", 404, "", html, "", errAny, errAny, errAny},
		"Google, no object": {"gs", 404, "", noObject, `{"items":[]}`, errNotFound, nil, nil},
		"Google, no object, and one with a longer name": {
			"gs", 404, "", noObject, `{"items":[{"name":"personal/xy"}]}`, errNotFound, nil, nil,
		},
		"Google, a proxy":             {"gs", 404, "", html, "", errAny, errAny, errAny},
		"Google, a proxy for objects": {"gs", 404, "", html, `{"items":[{"name":"personal/x"}]}`, errAny, errAny, nil},
		"Google, no bucket":           {"gs", 404, "", noBucket, "", errNoBucket, errNoBucket, errNoBucket},
		"Google, denied":              {"gs", 403, "", json(403, "It has no storage.objects.get access."), "", errDenied, errDenied, errDenied},
		"Azure, no object":            {"azblob", 404, "BlobNotFound", xml("BlobNotFound"), "", errNotFound, nil, errNotFound},
		"Azure, no container":         {"azblob", 404, "ContainerNotFound", xml("ContainerNotFound"), "", errNoBucket, errNoBucket, errNoBucket},
		"Azure, denied":               {"azblob", 403, "AuthorizationFailure", xml("AuthorizationFailure"), "", errDenied, errDenied, errDenied},
		"Azure, a proxy":              {"azblob", 404, "", html, "", errAny, errAny, errAny},
	}
}

func (a answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, text := a.status, a.text
	if a.listed != "" && r.URL.Query().Has("prefix") {
		status, text = http.StatusOK, a.listed
	}
	if strings.HasPrefix(text, "{") {
		w.Header().Set("Content-Type", "application/json")
	}
	if a.scheme == "azblob" && a.code != "" {
		w.Header().Set("X-Ms-Error-Code", a.code)
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

// The same with the answers of servers: what each driver makes of them.
func TestAnswersOfServers(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AZURE_STORAGE_ACCOUNT", "acme")
	t.Setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
	for name, tc := range answersOfServers() {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tc)
			t.Cleanup(server.Close)
			host := strings.TrimPrefix(server.URL, "http://")
			t.Setenv("STORAGE_EMULATOR_HOST", host)
			var s store
			switch tc.scheme {
			case "s3":
				s = open(t, "s3://archive?endpoint="+server.URL+"&region=us-east-1&use_path_style=true").store
			case "gs":
				s = open(t, "gs://archive").store
			case "azblob":
				s = azure(t, host)
			}
			_, readErr := s.read(t.Context(), "personal/x")
			_, listErr := (&Archive{store: s}).has(t.Context(), personalFolder)
			for what, got := range map[string]struct{ err, want error }{
				"read": {readErr, tc.read}, "remove": {s.remove(t.Context(), "personal/x"), tc.remove}, "list": {listErr, tc.list},
			} {
				if !isOne(got.err, got.want) {
					t.Errorf("%s: %v", what, got.err)
				}
			}
		})
	}
}

// azure is a container at a host. Open reads the environment once in a process.
func azure(t *testing.T, host string) store {
	t.Helper()
	options := azureblob.ServiceURLOptions{AccountName: "acme", Protocol: "http", StorageDomain: host, IsLocalEmulator: true}
	at, err := azureblob.NewServiceURL(&options)
	if err != nil {
		t.Fatal(err)
	}
	client, err := azureblob.NewDefaultClient(at, "archive")
	if err != nil {
		t.Fatal(err)
	}
	opened, err := azureblob.OpenBucket(t.Context(), client, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	return bucket{opened}
}

// meanings are all that meaning gives.
var meanings = []error{errNotFound, errNoBucket, errDenied, errExists}

var errAny = errors.New("an error that is none of these")

func isOne(err, want error) bool {
	switch {
	case want == nil:
		return err == nil
	case errors.Is(want, errAny):
		return err != nil && !slices.ContainsFunc(meanings, func(one error) bool { return errors.Is(err, one) })
	default:
		return errors.Is(err, want)
	}
}

// Reach says that there is no such bucket, and what to check.
func TestReach(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, "<Error><Code>NoSuchBucket</Code></Error>")
	}))
	t.Cleanup(server.Close)
	location := "s3://archive?endpoint=" + server.URL + "&region=us-east-1&use_path_style=true"
	err := open(t, location).Reach(t.Context())
	if err == nil || !strings.HasSuffix(err.Error(), "there is no such bucket: check --archive-url") {
		t.Errorf("error %v", err)
	}
	if _, err := OpenExisting(t.Context(), location); !errors.Is(err, ErrNoArchive) {
		t.Errorf("open: %v", err)
	}
	a := newArchive(inMemory())
	empty := a.Reach(t.Context())
	appended(t, a, Head{}, some(0)...)
	if filled := a.Reach(t.Context()); empty != nil || filled != nil {
		t.Errorf("empty: %v, filled: %v", empty, filled)
	}
}
