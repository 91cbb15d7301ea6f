// The app, its unit tests (src/test) and its instrumentation tests (src/androidTest).
import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "dev.huihua.sample"
    compileSdk = 35
    defaultConfig {
        applicationId = "dev.huihua.sample"
        minSdk = 24
        targetSdk = 35
        versionCode = 1
        versionName = libs.versions.huihua.get()
        testInstrumentationRunner = "androidx.test.runner.AndroidJUnitRunner"
        // JNA's AAR has more than the SDK's.
        ndk { abiFilters += listOf("arm64-v8a", "armeabi-v7a", "x86_64", "x86") }
    }
    buildTypes {
        release {
            // The SDK's own rules come with its AAR.
            isMinifyEnabled = true
            isShrinkResources = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"))
            signingConfig = signingConfigs.getByName("debug")
        }
    }
    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
    // The test server's messages, which the tests of the SDK share.
    sourceSets.getByName("androidTest").kotlin.srcDir("../../bindings/kotlin/src/sharedTest/kotlin")
}

kotlin { compilerOptions { jvmTarget = JvmTarget.JVM_11 } }

dependencies {
    implementation(libs.huihua.android)
    testImplementation(libs.junit)
    androidTestImplementation(libs.androidx.test.ext.junit)
    androidTestImplementation(libs.androidx.test.runner)
}
