// The numbers that calls fail with, under NIM's names.
package dev.huihua.sdk

/** The numbers of `onFailed`, and of [RequestCallbackWrapper.onResult], under NIM's names. */
public object ResponseCode {
    /** It succeeded. */
    public const val RES_SUCCESS: Short = 200

    /** The token was refused, or is another account's. */
    public const val RES_EUIDPASS: Short = 302

    /** Known, but not allowed. */
    public const val RES_FORBIDDEN: Short = 403

    /** There is no such session. */
    public const val RES_ENONEXIST: Short = 404

    /** No answer came in time. The server may have acted. */
    public const val RES_ETIMEOUT: Short = 408

    /** A parameter is wrong. */
    public const val RES_EPARAM: Short = 414

    /** No connection, or it broke. The server may have acted. */
    public const val RES_ECONNECTION: Short = 415

    /** Too frequent, or too many. */
    public const val RES_EFREQUENTLY: Short = 416

    /** It is there already. Of NIM's table; no call of this SDK ends in it. */
    public const val RES_EEXIST: Short = 417

    /** The account is blocked. Of NIM's table; no call of this SDK ends in it. */
    public const val RES_ACCOUNT_BLOCK: Short = 422

    /** A fault of the server. It may have acted. */
    public const val RES_EUNKNOWN: Short = 500

    /** The server is unavailable. It may have acted. */
    public const val RES_TOOBUZY: Short = 503

    /** There is no such team. Of NIM's table; no call of this SDK ends in it. */
    public const val RES_TEAM_ENOTEXIST: Short = 803

    /** The code that [RequestCallbackWrapper.onResult] gives an exception. */
    public const val RES_EXCEPTION: Short = 1000
}
