package archive

import (
	"errors"
	"net/http"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"
)

// meaning is what a bucket's error means here: errNotFound, errNoBucket, errDenied or errExists; nil if it means none of these.
//
// To an erasure, errNotFound says that personal data is gone: only the store's own code says so here. The code NotFound of
// gocloud.dev says less, and lacking looks into it. It also stands for:
//
//	Google    403: a right is missing, or the object is locked
//	Azure     the host's name is not found, as while DNS fails
//	Amazon    301, or an object in an archive tier
//	all       there is no such bucket, or the 404 is not of the store, but of a proxy
func meaning(err error) error {
	status, code := answer(err)
	switch {
	case status == http.StatusForbidden:
		return errDenied
	case code == noSuchBucket || code == "ContainerNotFound":
		return errNoBucket
	case code == "NoSuchKey" || code == "BlobNotFound":
		return errNotFound
	}
	switch gcerrors.Code(err) {
	case gcerrors.FailedPrecondition, gcerrors.AlreadyExists:
		return errExists
	case gcerrors.PermissionDenied:
		return errDenied
	default:
		return nil
	}
}

// noSuchBucket is what Amazon calls it.
const noSuchBucket = "NoSuchBucket"

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

// googleCode makes a code of the answer that there is no bucket, which has only a text. An object that is not there has no code.
func googleCode(err *googleapi.Error) string {
	if err.Code == http.StatusNotFound && strings.Contains(err.Message, "bucket does not exist") {
		return noSuchBucket
	}
	return ""
}
