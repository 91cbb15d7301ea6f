// The codes of calls, under NIM's names.
package dev.huihua.sdk.nim

/** Lists the codes of `onFailed` and [RequestCallbackWrapper.onResult], under NIM's names. */
public object ResponseCode {
    /** The call succeeded. */
    public const val RES_SUCCESS: Short = 200

    /** The server refused the token, or it is another account's. */
    public const val RES_EUIDPASS: Short = 302

    /** The account is known, but not allowed to do this. */
    public const val RES_FORBIDDEN: Short = 403

    /** The session does not exist. */
    public const val RES_ENONEXIST: Short = 404

    /** No answer came in time. The call may have taken effect. */
    public const val RES_ETIMEOUT: Short = 408

    /** A parameter is invalid. */
    public const val RES_EPARAM: Short = 414

    /** The connection failed or broke. The call may have taken effect. */
    public const val RES_ECONNECTION: Short = 415

    /** The account makes too many requests, or holds too many sessions. */
    public const val RES_EFREQUENTLY: Short = 416

    /** The object exists already. Part of NIM's table, never reported. */
    public const val RES_EEXIST: Short = 417

    /** The account is blocked. Part of NIM's table, never reported. */
    public const val RES_ACCOUNT_BLOCK: Short = 422

    /** The server has a fault. The call may have taken effect. */
    public const val RES_EUNKNOWN: Short = 500

    /** The server is unavailable. The call may have taken effect. */
    public const val RES_TOOBUZY: Short = 503

    /** The team does not exist. Part of NIM's table, never reported. */
    public const val RES_TEAM_ENOTEXIST: Short = 803

    /** [RequestCallbackWrapper.onResult] received an exception. */
    public const val RES_EXCEPTION: Short = 1000
}
