// The sample app for Android Studio and Gradle, after `cargo xtask aar`. CI has neither the plugin
// nor an Android SDK and builds the same sources by Maven and `cargo xtask apk`: see docs/android.md.
pluginManagement {
    repositories {
        google()
        mavenCentral()
        gradlePluginPortal()
    }
}
dependencyResolutionManagement {
    repositoriesMode = RepositoriesMode.FAIL_ON_PROJECT_REPOS
    repositories {
        google()
        mavenCentral()
        maven {
            url = uri("../target/maven")
            content { includeGroup("dev.huihua") }
        }
    }
}
rootProject.name = "huihua-sample"
include(":app")
