package archive

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"
)

// meaning is what a bucket's error means here: errNotFound, errNoBucket, errDenied or errExists; nil if it means none of these.
//
// To an erasure, errNotFound says that personal data is gone. The code NotFound of gocloud.dev says less. It also stands for:
//
//	Google    403: a right is missing, or the object is locked
//	Azure     the host's name is not found, as while DNS fails
//	Amazon    404 or 301 that is not of the store, but of a proxy
//	all       there is no such bucket
func meaning(err error) error {
	status, code := answer(err)
	switch {
	case status == http.StatusForbidden:
		return errDenied
	case code == noSuchBucket || code == "ContainerNotFound" || errors.Is(err, storage.ErrBucketNotExist):
		return errNoBucket
	case code == noSuchKey || code == "BlobNotFound":
		return errNotFound
	}
	switch gcerrors.Code(err) {
	case gcerrors.NotFound:
		if status == 0 && code == "" && !isUnreachable(err) { // a folder, or a read from Google, whose client leaves the answer out
			return errNotFound
		}
		return nil
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return errExists
	case gcerrors.PermissionDenied:
		return errDenied
	default:
		return nil
	}
}

// What Amazon calls it.
const (
	noSuchBucket = "NoSuchBucket"
	noSuchKey    = "NoSuchKey"
)

// answer is the HTTP status of a store's answer, and its code; both are zero if the error has none.
func answer(err error) (status int, code string) {
	if google, ok := errors.AsType[*googleapi.Error](err); ok {
		return google.Code, googleCode(google)
	}
	if azure, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return azure.StatusCode, azure.ErrorCode
	}
	if amazon, ok := errors.AsType[smithy.APIError](err); ok {
		code = amazon.ErrorCode()
	}
	if amazon, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		status = amazon.HTTPStatusCode()
	}
	return status, code
}

// googleCode makes a code of a 404, whose answer has only a text.
func googleCode(err *googleapi.Error) string {
	switch {
	case err.Code != http.StatusNotFound:
		return ""
	case strings.Contains(err.Message+err.Body, "bucket does not exist"):
		return noSuchBucket
	default:
		return noSuchKey
	}
}

// isUnreachable reports whether a request had no answer.
func isUnreachable(err error) bool {
	_, isRequest := errors.AsType[*url.Error](err)
	_, isDNS := errors.AsType[*net.DNSError](err)
	return isRequest || isDNS
}
