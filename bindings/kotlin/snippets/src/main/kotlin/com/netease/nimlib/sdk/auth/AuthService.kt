// The login of NIM's Android SDK, which this build lacks.
package com.netease.nimlib.sdk.auth

public interface AuthService {
    public fun login(info: LoginInfo)

    public fun logout()
}

public class LoginInfo(public val account: String, public val token: String)
